/**
 * The seat that this tab had when its page was loaded anew, or left: it is taken again within a minute.
 *
 * It is written down as the page goes, and taken out as the next one comes. So it is not there while somebody sits in it,
 * and a tab that is opened as a copy of this one has no part in it.
 */

/** How long a seat is worth coming back to, in milliseconds. */
export const WORTH = 60_000;

const KEY = "conference.seat";

/**
 * @typedef {object} KeptSeat
 * @property {string} room
 * @property {string} name  that people saw
 * @property {string} role  that was asked for; may be empty
 * @property {string} proof  takes the seat again
 * @property {boolean} muted
 * @property {boolean} microphone  whether there was one
 * @property {boolean} processing  whether the browser processed its sound
 * @property {number} at  when it was left, Unix time in milliseconds
 */

/** @param {KeptSeat} seat */
export function keepSeat(seat) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(seat));
  } catch {
    // forgotten with the page, then
  }
}

/**
 * Takes it out: the next one to ask finds nothing.
 *
 * @param {string} room  that the page is for
 * @param {number} now  Unix time in milliseconds
 * @returns {KeptSeat | null}  null if there is none for that room, or it was too long ago
 */
export function takeSeat(room, now) {
  let text = null;
  try {
    text = sessionStorage.getItem(KEY);
    sessionStorage.removeItem(KEY);
  } catch {
    // storage is forbidden for this page
  }
  return readSeat(text, room, now);
}

/**
 * Pure.
 *
 * @param {string | null} text
 * @param {string} room
 * @param {number} now
 * @returns {KeptSeat | null}
 */
export function readSeat(text, room, now) {
  let seat;
  try {
    seat = JSON.parse(text ?? "null");
  } catch {
    return null; // not ours
  }
  if (!seat || seat.room !== room || typeof seat.proof !== "string" || !seat.proof) return null;
  return now - seat.at >= 0 && now - seat.at < WORTH ? seat : null;
}
