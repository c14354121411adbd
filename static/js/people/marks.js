/**
 * What is to be seen about a person: what was decided about them, and whose turn it is. Pure.
 */

import { callWords } from "../words/callstate.js";
import { byWhom } from "../words/actors.js";
import { text } from "../texts/texts.js";

/** @typedef {import("../room/roster.js").Person} Person */
/** @typedef {import("../room/roster.js").Roster} Roster */

/**
 * Whose turn it is: people with a raised hand, the first one first.
 *
 * @param {Roster} roster
 * @returns {Map<string, number>}  1, 2, … by id
 */
export function handOrder(roster) {
  const raised = [...roster.values()].filter((person) => person.hand_raised_at && !person.waiting);
  raised.sort((a, b) => Number(a.hand_raised_at) - Number(b.hand_raised_at) || (a.id < b.id ? -1 : 1));
  return new Map(raised.map((person, place) => [person.id, place + 1]));
}

/**
 * @typedef {object} Mark  something to be seen about a person
 * @property {"host" | "listener" | "muted" | "held" | "deafened" | "called"} kind
 * @property {string} icon
 * @property {string} text  in a word or two
 * @property {string} full  with all that is known
 */

/**
 * @param {Person} person
 * @param {Roster} roster
 * @param {string | null} ownId
 * @returns {Mark[]}
 */
export function marksOf(person, roster, ownId) {
  /** @type {Mark[]} */
  const marks = [];
  const add = (/** @type {Mark["kind"]} */ kind, /** @type {string} */ icon, /** @type {string} */ short, full = short) =>
    marks.push({ kind, icon, text: short, full });
  const called = callWords(person);
  if (called) add("called", "clock", called);
  if (person.role === "host") add("host", "star", text("people.host"));
  if (person.role === "listener") add("listener", "ear", text("people.listening"));
  else if (person.muted) {
    const by = person.muted_by && text("people.muted-by", { who: byWhom(person.muted_by, roster, ownId) });
    add("muted", "mic-off", text("people.muted"), by || undefined);
  }
  if (person.held) add("held", "pause", text("people.held"));
  if (person.deafened) add("deafened", "ear-off", text("people.deafened"));
  return marks;
}
