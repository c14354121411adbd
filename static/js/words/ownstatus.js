/**
 * What was decided about ourselves, in words. Pure.
 */

import { listed, text } from "../texts/texts.js";
import { onlyHearers } from "../room/hearing.js";

/** @typedef {import("../room/roster.js").Person} Person */
/** @typedef {import("../room/roster.js").Roster} Roster */

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
 * @param {readonly import("../room/hearing.js").Rule[]} rules
 * @returns {OwnStatus | null}  null if all is as usual
 */
export function ownStatus(own, roster, rules) {
  if (own.waiting) return null;
  if (own.held) return { text: text("own.held"), remedy: null };
  if (own.deafened) return { text: text("own.deafened"), remedy: "hear" };
  const hearers = onlyHearers(rules, own.id);
  if (hearers === null) return null;
  const names = hearers.flatMap((id) => roster.get(id)?.name ?? []);
  return { text: heardBy(names), remedy: "speak" };
}

/** What is said to somebody who gets a role. */
const NEW_ROLES = /** @type {const} */ ({ host: "own.made-host", speaker: "own.made-speaker", listener: "own.made-listener" });

/**
 * What somebody else has just changed about us, as a sentence; what shows by itself is left out.
 *
 * @param {Person} before
 * @param {Person} after
 * @param {string} who
 * @returns {string}  empty if there is nothing to say
 */
export function changeToUs(before, after, who) {
  if (before.role !== after.role) return text(NEW_ROLES[after.role], { who });
  if (before.held !== after.held) return text(after.held ? "own.put-on-hold" : "own.taken-off-hold", { who });
  if (before.name !== after.name) return text("own.named", { who, name: after.name });
  if (before.hand_raised_at && !after.hand_raised_at) return text("own.hand-lowered", { who });
  return "";
}

/** @param {readonly string[]} names */
function heardBy(names) {
  if (names.length === 0) return text("own.unheard");
  const count = names.length;
  return count > 4 ? text("own.heard-by-many", { count }) : text("own.heard-by", { count, names: listed(names) });
}
