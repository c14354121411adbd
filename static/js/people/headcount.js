/**
 * How many people there are, in words. Pure.
 */

import { text } from "../texts/texts.js";

/**
 * How many people there are, in words.
 *
 * @param {number} count
 */
export function headCount(count) {
  return text("people.count", { count });
}

/**
 * What is said to somebody who is the only one in the room.
 *
 * @param {number} waiting  how many are in the waiting room
 * @param {boolean} moderates  whether they can let them in
 */
export function aloneRemark(waiting, moderates) {
  if (waiting === 0) return text("people.alone");
  return text(moderates ? "people.alone-let-in" : "people.alone-waiting", { count: waiting });
}
