/**
 * The server's HTTP interface: joining, a seat's own requests, and their errors.
 */

import { Refused, Unreachable } from "./problems.js";

/**
 * @typedef {object} Seat  a place in a room, as the server gave it
 * @property {string} room
 * @property {string} id  the participant's id
 * @property {string} location  the participant's URL
 * @property {string} etag
 * @property {string} token  takes the same seat again; may be empty
 */

/**
 * @returns {Promise<RTCIceServer[]>}  none if the server names none or cannot be asked
 */
export async function iceServers() {
  const response = await request("/config", { headers: { Accept: "application/json" } });
  const config = await response.json();
  return config.iceServers ?? [];
}

/**
 * @param {string} room
 * @param {string} name
 * @param {string} offer  SDP
 * @param {string} token  of a seat to take again; empty for a new one
 * @param {AbortSignal} signal
 * @returns {Promise<{seat: Seat, answer: string}>}
 */
export async function join(room, name, offer, token, signal) {
  const address = `/rooms/${encodeURIComponent(room)}/participants?name=${encodeURIComponent(name)}`;
  /** @type {Record<string, string>} */
  const headers = { "Content-Type": "application/sdp" };
  if (token) headers["Conference-Seat"] = token;
  const response = await request(address, { method: "POST", headers, body: offer, signal });
  const location = new URL(response.headers.get("Location") ?? "", response.url).pathname;
  const seat = {
    room,
    id: location.split("/").at(-1) ?? "",
    location,
    etag: response.headers.get("ETag") ?? "",
    token: response.headers.get("Conference-Seat") ?? token,
  };
  return { seat, answer: await response.text() };
}

/**
 * @param {Seat} seat
 * @param {string} fragment  see trickle.js
 */
export async function trickle(seat, fragment) {
  /** @type {Record<string, string>} */
  const headers = { "Content-Type": "application/trickle-ice-sdpfrag" };
  if (seat.etag) headers["If-Match"] = seat.etag;
  await request(seat.location, { method: "PATCH", headers, body: fragment });
}

/**
 * @param {Seat} seat
 * @param {boolean} muted
 * @returns {Promise<import("./people.js").Person>}
 */
export async function setMuted(seat, muted) {
  const response = await request(seat.location, {
    method: "PATCH",
    headers: { "Content-Type": "application/merge-patch+json" },
    body: JSON.stringify({ muted }),
  });
  return response.json();
}

/**
 * Gives the seat up. Works while the page is being closed.
 *
 * @param {Seat} seat
 */
export async function leave(seat) {
  await request(seat.location, { method: "DELETE", keepalive: true });
}

/**
 * Whether the seat is still ours.
 *
 * @param {Seat} seat
 * @returns {Promise<boolean>}
 */
export async function stillSeated(seat) {
  try {
    await request(seat.location, { signal: AbortSignal.timeout(4000) });
    return true;
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return false;
    throw error;
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
  throw new Refused(response.status, await titleOf(response), Number(response.headers.get("Retry-After")) || 0);
}

/** @param {Response} response */
async function titleOf(response) {
  if (!response.headers.get("Content-Type")?.startsWith("application/problem+json")) return "";
  try {
    return String((await response.json()).title ?? "");
  } catch {
    return "";
  }
}
