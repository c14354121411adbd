/**
 * What was decided about ourselves, in words. Pure.
 */

import { onlyHearers } from "./hearing.js";

/** @typedef {import("./roster.js").Person} Person */
/** @typedef {import("./roster.js").Roster} Roster */

/**
 * @typedef {object} OwnStatus  what concerns us at this moment
 * @property {string} text
 * @property {"hear" | "speak" | null} remedy  what we may do about it
 */

/**
 * What keeps us from hearing or being heard as usual. Who hears whom is told to those who may moderate, and to nobody
 * else; so whoever is told of their own whisper may end it.
 *
 * @param {Person} own
 * @param {Roster} roster
 * @param {readonly import("./hearing.js").Rule[]} rules
 * @returns {OwnStatus | null}  null if all is as usual
 */
export function ownStatus(own, roster, rules) {
  if (own.waiting) return null;
  if (own.held) return { text: "You are on hold: nobody hears you, and you hear nobody.", remedy: null };
  if (own.deafened) return { text: "You hear nobody.", remedy: "hear" };
  const hearers = onlyHearers(rules, own.id);
  if (hearers === null) return null;
  const names = hearers.flatMap((id) => roster.get(id)?.name ?? []);
  return { text: names.length === 0 ? "Nobody hears you." : `Only ${listed(names)} can hear you.`, remedy: "speak" };
}

/** What a role is called when somebody gets it. */
const NEW_ROLES = { host: "a host", speaker: "a speaker", listener: "a listener" };

/**
 * What somebody else has just changed about us, as a sentence; what shows by itself is left out.
 *
 * @param {Person} before
 * @param {Person} after
 * @param {string} who
 * @returns {string}  empty if there is nothing to say
 */
export function changeToUs(before, after, who) {
  if (before.role !== after.role) return `${who} made you ${NEW_ROLES[after.role]}.`;
  if (before.held !== after.held) return after.held ? `${who} put you on hold.` : `${who} took you off hold.`;
  if (before.name !== after.name) return `${who} named you ${after.name}.`;
  if (before.hand_raised_at && !after.hand_raised_at) return `${who} lowered your hand.`;
  return "";
}

/** @param {readonly string[]} names */
function listed(names) {
  if (names.length < 2) return names.join("");
  return names.length > 4 ? `${names.length} people` : `${names.slice(0, -1).join(", ")} and ${names[names.length - 1]}`;
}
