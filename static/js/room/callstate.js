/**
 * How far it has come with somebody whom the room has called, in words. Pure.
 */

/** @typedef {import("./roster.js").Person} Person */

/** Whoever is being called, by their state. */
const BEING_CALLED = new Map([
  ["dialing", "Calling…"],
  ["ringing", "Ringing…"],
]);

/** Why somebody who was called is not here. */
const IN_VAIN = new Map([
  ["busy", "is busy"],
  ["no-answer", "does not answer"],
  ["failed", "could not be reached"],
]);

/** @param {Person} person */
export function isBeingCalled(person) {
  return BEING_CALLED.has(person.call?.state ?? "");
}

/**
 * @param {Person} person
 * @returns {string}  empty for those who are here
 */
export function callWords(person) {
  if (person.call?.state === "answered" && person.call.answered_by === "machine") return "Answering machine";
  return BEING_CALLED.get(person.call?.state ?? "") ?? "";
}

/**
 * What is said of somebody who was called and has left.
 *
 * @param {Person} person  as they were last
 * @returns {string}  empty if they had answered, or nobody waits for that
 */
export function inVain(person) {
  const words = IN_VAIN.get(person.call?.state ?? "") ?? (person.call?.state === "dialing" ? "could not be reached" : "");
  return words && `${person.name} ${words}.`;
}

/**
 * Whom to call, by what somebody has typed.
 *
 * @param {string} text
 * @returns {{to: string} | {url: string} | {webhook: string} | null}  null if it is neither a number nor an address
 */
export function whomToCall(text) {
  const typed = text.trim();
  if (/^wss?:\/\/\S+$/i.test(typed)) return { url: typed };
  if (/^https?:\/\/\S+$/i.test(typed)) return { webhook: typed };
  const number = typed.replace(/[\s().\/-]/g, "").replace(/^00/, "+");
  return /^\+[1-9][0-9]{6,14}$/.test(number) ? { to: number } : null;
}
