/**
 * How many people there are, in words. Pure.
 */

/**
 * How many people there are, in words.
 *
 * @param {number} count
 */
export function headCount(count) {
  return count === 1 ? "1 person" : `${count} people`;
}

/**
 * What is said to somebody who is the only one in the room.
 *
 * @param {number} waiting  how many are in the waiting room
 * @param {boolean} moderates  whether they can let them in
 */
export function aloneRemark(waiting, moderates) {
  if (waiting === 0) return "You are the only one here. Copy the invitation link and send it to somebody.";
  const wait = `${headCount(waiting)} ${waiting === 1 ? "waits" : "wait"}`;
  return `Nobody else is in the room yet: ${wait} ${moderates ? "for you to let them in." : "for a host."}`;
}
