/**
 * What tells people apart who go by the same name. Pure.
 */

import { timeOfDay } from "./chatlog.js";
import { wayOf } from "./people.js";

/** @typedef {import("./people.js").Person} Person */
/** @typedef {import("./people.js").Roster} Roster */

/**
 * What everybody is called on the page. Whoever came later than somebody of their name has a number after it.
 *
 * @param {Roster} roster
 * @returns {Map<string, string>}  by id
 */
export function shownNames(roster) {
  /** @type {Map<string, number>} */
  const count = new Map();
  const people = [...roster.values()].sort((a, b) => a.joined_at - b.joined_at || (a.id < b.id ? -1 : 1));
  return new Map(
    people.map(({ id, name }) => {
      const number = (count.get(alike(name)) ?? 0) + 1;
      count.set(alike(name), number);
      return [id, number === 1 ? name : `${name} (${number})`];
    }),
  );
}

/**
 * What is known of somebody who waits: how they came, who they are beyond their name, and since when they wait.
 *
 * @param {Person} person
 * @returns {string}
 */
export function knownOf(person) {
  const identity = (person.identity ?? "").replace(/^tel:/, "");
  const tells = identity !== "" && identity !== person.name && !identity.startsWith("guest-");
  return [wayOf(person.transport).text, ...(tells ? [identity] : []), `since ${timeOfDay(person.joined_at)}`].join(" · ");
}

/**
 * The same for all names that look the same.
 *
 * @param {string} name
 */
function alike(name) {
  return name.normalize("NFKC").replace(/\p{C}/gu, "").replace(/\s+/gu, " ").trim().toLowerCase();
}
