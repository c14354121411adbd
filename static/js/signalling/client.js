/**
 * HTTP as one person in one room: every request says who asks. Knows nothing of the page.
 *
 * A token travels in a header and never in an address, the event stream's aside: `EventSource` can set no header.
 */

import { Refused, Unreachable } from "./errors.js";

const MERGE_PATCH = "application/merge-patch+json";

export class Client {
  /** Proves that our seat is ours; empty before there is one. */
  proof = "";

  /**
   * @param {string} room
   * @param {string} token  what we were let in with; empty where none is needed
   * @param {string} [server]  where it is, e.g. `https://talk.example.org`; empty for where the page is from
   */
  constructor(room, token, server = "") {
    this.token = token;
    this.server = server;
    this.room = `/rooms/${encodeURIComponent(room)}`;
  }

  /** The address of one person in the room. */
  person(/** @type {string} */ id) {
    return `${this.room}/participants/${encodeURIComponent(id)}`;
  }

  /**
   * The whole address of the room's event stream, with who reads it.
   *
   * @param {boolean} levels  whether to be told how loud everybody is
   * @param {string} after  the id of the last event that we were told; empty for all there is
   */
  eventsAddress(levels, after) {
    const query = new URLSearchParams({ batch: "1" });
    if (!levels) query.set("levels", "0");
    if (after) query.set("last_event_id", after);
    if (this.token) query.set("access_token", this.token);
    if (this.proof) query.set("seat", this.proof);
    return `${this.server}${this.room}/events?${query}`;
  }

  /**
   * @param {string} address
   * @param {RequestInit & {headers?: Record<string, string>}} [init]
   * @returns {Promise<Response>}  a 2xx one
   */
  request(address, init = {}) {
    /** @type {Record<string, string>} */
    const headers = { ...init.headers };
    if (this.token) headers.Authorization = `Bearer ${this.token}`;
    if (this.proof) headers["Conference-Seat"] = this.proof;
    return request(this.server + address, { ...init, headers });
  }

  /**
   * @param {string} address
   * @returns {Promise<any>}
   */
  async get(address) {
    const response = await this.request(address, { headers: { Accept: "application/json" } });
    return response.json();
  }

  /**
   * @param {"POST" | "PUT"} method
   * @param {string} address
   * @param {object} [body]
   * @returns {Promise<Response>}
   */
  send(method, address, body) {
    if (body === undefined) return this.request(address, { method });
    return this.request(address, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  }

  /**
   * A merge patch (RFC 7396).
   *
   * @param {string} address
   * @param {object} changes
   * @returns {Promise<any>}  the thing as it is now
   */
  async patch(address, changes) {
    const init = { method: "PATCH", headers: { "Content-Type": MERGE_PATCH }, body: JSON.stringify(changes) };
    return (await this.request(address, init)).json();
  }

  /**
   * @param {string} address
   * @param {RequestInit} [init]
   */
  async remove(address, init = {}) {
    await this.request(address, { .../** @type {any} */ (init), method: "DELETE" });
  }
}

/**
 * @param {string} address
 * @param {RequestInit} init
 * @returns {Promise<Response>}  a 2xx one
 */
async function request(address, init) {
  let response;
  try {
    response = await fetch(address, { cache: "no-store", ...init });
  } catch {
    throw new Unreachable();
  }
  if (response.ok) return response;
  const { title = "", type = "" } = await problemOf(response);
  throw new Refused(response.status, String(title), Number(response.headers.get("Retry-After")) || 0, String(type));
}

/**
 * @param {Response} response
 * @returns {Promise<{title?: string, type?: string}>}  what it says (RFC 9457); nothing if it says it otherwise
 */
async function problemOf(response) {
  if (!response.headers.get("Content-Type")?.startsWith("application/problem+json")) return {};
  try {
    return (await response.json()) ?? {};
  } catch {
    return {};
  }
}
