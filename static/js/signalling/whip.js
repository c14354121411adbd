/**
 * Joining over the server's WHIP-shaped interface (RFC 9725), and what only the person in a seat asks for.
 */

import { Refused } from "./errors.js";

/** @typedef {import("./client.js").Client} Client */

/**
 * @typedef {object} Seat  a place in a room, as the server gave it
 * @property {string} id  the participant's id
 * @property {string} location  the participant's URL, below where the server is
 * @property {string} etag
 * @property {string} proof  takes the same seat again; may be empty
 */

/**
 * @param {Client} client
 * @returns {Promise<RTCIceServer[]>}  none if the server names none
 */
export async function iceServers(client) {
  return (await client.get("/config")).iceServers ?? [];
}

/**
 * Takes a seat: the client's own again if it has the proof of one.
 *
 * @param {Client} client
 * @param {string} name
 * @param {string} role  to join in; empty for the one that the invitation says
 * @param {string} offer  SDP
 * @param {boolean} original  the server is to leave our sound as it is
 * @param {AbortSignal} signal
 * @returns {Promise<{seat: Seat, answer: string}>}
 */
export async function join(client, name, role, offer, original, signal) {
  const query = new URLSearchParams({ name, original_sound: String(original) });
  if (role) query.set("role", role);
  const response = await client.request(`${client.room}/participants?${query}`, {
    method: "POST",
    headers: { "Content-Type": "application/sdp" },
    body: offer,
    signal,
  });
  const location = new URL(response.headers.get("Location") ?? "", response.url).pathname.replace(/^.*?(?=\/rooms\/)/, "");
  const seat = {
    id: location.split("/").at(-1) ?? "",
    location,
    etag: response.headers.get("ETag") ?? "",
    proof: response.headers.get("Conference-Seat") ?? client.proof,
  };
  return { seat, answer: await response.text() };
}

/**
 * @param {Client} client
 * @param {Seat} seat
 * @param {string} fragment  see trickle.js
 */
export async function trickle(client, seat, fragment) {
  /** @type {Record<string, string>} */
  const headers = { "Content-Type": "application/trickle-ice-sdpfrag" };
  if (seat.etag) headers["If-Match"] = seat.etag;
  await client.request(seat.location, { method: "PATCH", headers, body: fragment });
}

/**
 * Gives the seat up. Works while the page is being closed.
 *
 * @param {Client} client
 * @param {Seat} seat
 */
export async function leave(client, seat) {
  await client.remove(seat.location, { keepalive: true });
}

/**
 * Asks for the seat to be kept while the page is loaded anew. Works while it is being closed.
 *
 * @param {Client} client
 * @param {Seat} seat
 */
export async function hold(client, seat) {
  await client.remove(`${seat.location}?hold=1`, { keepalive: true });
}

/**
 * Whether the seat is still ours.
 *
 * @param {Client} client
 * @param {Seat} seat
 * @returns {Promise<boolean>}
 */
export async function stillSeated(client, seat) {
  try {
    await client.request(seat.location, { signal: AbortSignal.timeout(4000) });
    return true;
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return false;
    throw error;
  }
}
