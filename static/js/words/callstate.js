/**
 * How far it has come with somebody whom the room has called, in words. Pure.
 */

import { text } from "../texts/texts.js";

/** @typedef {import("../room/roster.js").Person} Person */

/** Whoever is being called, by their state. */
const BEING_CALLED = /** @type {const} */ ({ dialing: "call.dialing", ringing: "call.ringing" });

/** Why somebody who was called is not here. */
const IN_VAIN = /** @type {const} */ ({
  "busy": "call.busy", "no-answer": "call.no-answer", "failed": "call.failed", "dialing": "call.failed",
});

/** @param {Person} person */
export function isBeingCalled(person) {
  return (person.call?.state ?? "") in BEING_CALLED;
}

/**
 * @param {Person} person
 * @returns {string}  empty for those who are here
 */
export function callWords(person) {
  if (person.call?.state === "answered" && person.call.answered_by === "machine") return text("call.machine");
  const key = BEING_CALLED[/** @type {keyof typeof BEING_CALLED} */ (person.call?.state)];
  return key ? text(key) : "";
}

/**
 * What is said of somebody who was called and has left.
 *
 * @param {Person} person  as they were last
 * @returns {string}  empty if they had answered, or nobody waits for that
 */
export function inVain(person) {
  const key = IN_VAIN[/** @type {keyof typeof IN_VAIN} */ (person.call?.state)];
  return key ? text(key, { name: person.name }) : "";
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
