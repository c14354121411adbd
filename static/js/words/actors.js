/**
 * Who did something, in words. Pure.
 */

import { text } from "../texts/texts.js";

/** @typedef {import("../room/roster.js").Roster} Roster */

/**
 * Who did something, as people know them: the server may know them by another name than their own.
 *
 * @param {string | null | undefined} by  an id, an identity or a name
 * @param {Roster} roster
 * @param {string | null} ownId
 * @returns {string}  a name, `You`, or `A host`
 */
export function whoDid(by, roster, ownId) {
  const found = actor(by, roster, ownId);
  return found.name || text(found.own ? "people.you" : "people.a-host");
}

/**
 * The same behind "by".
 *
 * @param {string | null | undefined} by
 * @param {Roster} roster
 * @param {string | null} ownId
 */
export function byWhom(by, roster, ownId) {
  const found = actor(by, roster, ownId);
  return found.name || text(found.own ? "people.by-you" : "people.by-a-host");
}

/**
 * Whether it was ourselves.
 *
 * @param {string | null | undefined} by
 * @param {Roster} roster
 * @param {string | null} ownId
 */
export function wasUs(by, roster, ownId) {
  return actor(by, roster, ownId).own;
}

/**
 * @param {string | null | undefined} by
 * @param {Roster} roster
 * @param {string | null} ownId
 * @returns {{name: string, own: boolean}}  the name is empty for ourselves, and for somebody who is known by none
 */
function actor(by, roster, ownId) {
  for (const person of roster.values()) {
    if (by && (person.id === by || (person.identity && person.identity === by))) {
      return person.id === ownId ? { name: "", own: true } : { name: person.name, own: false };
    }
  }
  const named = [...roster.values()].some((person) => person.name === by);
  return { name: by && (named || !/^(somebody|guest-.*|[0-9a-f]{16})$/.test(by)) ? by : "", own: false };
}
