/**
 * Times as people write them. Pure.
 */

import { written } from "../texts/texts.js";

/**
 * A length of time.
 *
 * @param {number} seconds
 * @returns {string}  `0:07`, `12:31`, `1:02:03`
 */
export function formatDuration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = String(whole % 60).padStart(2, "0");
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/**
 * @param {number} sentAt  unix time in seconds
 * @returns {string}  the time of day, as it is written where we are
 */
export function timeOfDay(sentAt) {
  return written(sentAt, { hour: "2-digit", minute: "2-digit" });
}

/**
 * @param {number} at  unix time in seconds
 * @returns {string}  the day and the time, as they are written where we are
 */
export function dayAndTime(at) {
  return written(at, { dateStyle: "medium", timeStyle: "short" });
}
