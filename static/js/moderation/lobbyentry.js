/**
 * What is known of somebody who waits to be let in. Pure.
 */

import { timeOfDay } from "../page/time.js";
import { wayOf } from "../people/appearance.js";
import { text } from "../texts/texts.js";

/** @typedef {import("../room/roster.js").Person} Person */

/**
 * What is known of somebody who waits: how they came, who they are beyond their name, and since when they wait.
 *
 * @param {Person} person
 * @returns {string}
 */
export function knownOf(person) {
  const identity = (person.identity ?? "").replace(/^tel:/, "");
  const tells = identity !== "" && identity !== person.name && !identity.startsWith("guest-");
  return [wayOf(person.transport).text, ...(tells ? [identity] : []), text("lobby.since", { time: timeOfDay(person.joined_at) })].join(" · ");
}
