/**
 * What the page's own address says, and the addresses it gives out. Pure.
 *
 * `/join/{room}?name=Amy` fills in the form; `autojoin=1` also presses Join; `processing=off` asks for
 * the microphone's original sound; `role=host` joins as one, for those who may. `#token=…` lets somebody in: what
 * comes after a `#` is not sent to any server, and so in no log. `?token=` works, too.
 */

import { text } from "../texts/texts.js";

/**
 * @typedef {object} Invitation
 * @property {string} room  the room's name, or empty
 * @property {string} name  the person's name, or empty
 * @property {boolean} autojoin  whether to join without waiting for the button
 * @property {boolean} processing  whether the browser may process the microphone's sound
 * @property {string} token  what lets them in, or empty
 * @property {string} role  what they want to join as; empty for what the invitation says
 */

const ROOM_NAME = /^[A-Za-z0-9._-]{1,64}$/;

/** What every browser takes for steps in a path (RFC 3986, section 5.2.4). */
const DOT_SEGMENTS = [".", ".."];

/**
 * @param {string} address  an absolute URL
 * @returns {Invitation}
 */
export function readInvitation(address) {
  const url = new URL(address);
  const [, room = ""] = /^\/join\/([^/]+)\/?$/.exec(url.pathname) ?? [];
  return {
    room: decoded(room),
    name: (url.searchParams.get("name") ?? "").trim(),
    autojoin: url.searchParams.get("autojoin") === "1",
    processing: url.searchParams.get("processing") !== "off",
    token: new URLSearchParams(url.hash.slice(1)).get("token") ?? url.searchParams.get("token") ?? "",
    role: url.searchParams.get("role") ?? "",
  };
}

/**
 * The same address without what nobody should read over a shoulder, or copy from it.
 *
 * @param {string} address  an absolute URL
 * @param {string} room  whose address it is; empty if there is none yet
 * @returns {string}  path and query
 */
export function shownAddress(address, room) {
  const url = new URL(address);
  url.searchParams.delete("token");
  return `${room ? `/join/${encodeURIComponent(room)}` : url.pathname}${url.search}`;
}

/**
 * The address to send to somebody: it names the room and nobody's name.
 *
 * @param {string} origin  e.g. `https://example.org`
 * @param {string} room
 * @returns {string}
 */
export function invitationAddress(origin, room) {
  return `${origin}/join/${encodeURIComponent(room)}`;
}

/**
 * What somebody needs beside the link that we copied for them.
 *
 * @param {boolean} hasPin  the room has a PIN
 * @param {boolean} guarded  nobody gets in without a token
 * @returns {string}  a sentence; empty if the link is enough
 */
export function entryNeeds(hasPin, guarded) {
  if (hasPin) return text("invite.needs-pin");
  return guarded ? text("invite.needs-invitation") : "";
}

/**
 * @param {string} room
 * @returns {string | null}  a sentence saying what is wrong with the room's name; null if nothing is
 */
export function roomNameProblem(room) {
  if (room === "") return text("join.room-missing");
  if (room.length > 64) return text("join.room-long");
  if (!ROOM_NAME.test(room)) return text("join.room-characters");
  if (DOT_SEGMENTS.includes(room)) return text("join.room-dots");
  return null;
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a stray percent sign: show it as it is
  }
}
