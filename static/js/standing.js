/**
 * What was decided about people, in words. Pure.
 */

import { onlyHearers } from "./hearing.js";

/** @typedef {import("./people.js").Person} Person */
/** @typedef {import("./people.js").Roster} Roster */

/**
 * Who did something, as people know them: the server may know them by another name than their own.
 *
 * @param {string | null | undefined} by  an id, an identity or a name
 * @param {Roster} roster
 * @param {string | null} ownId
 * @returns {string}  a name, `You`, or `A host`
 */
export function whoDid(by, roster, ownId) {
  if (!by) return "A host";
  for (const person of roster.values()) {
    if (person.id === by || (person.identity && person.identity === by)) return person.id === ownId ? "You" : person.name;
  }
  const named = [...roster.values()].some((person) => person.name === by);
  return named || !/^(somebody|guest-.*|[0-9a-f]{16})$/.test(by) ? by : "A host";
}

/**
 * The same in the middle of a sentence.
 *
 * @param {string | null | undefined} by
 * @param {Roster} roster
 * @param {string | null} ownId
 */
export function byWhom(by, roster, ownId) {
  const name = whoDid(by, roster, ownId);
  return name === "A host" ? "a host" : name === "You" ? "you" : name;
}

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
 * @property {"host" | "listener" | "muted" | "held" | "deafened"} kind
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
  const add = (/** @type {Mark["kind"]} */ kind, /** @type {string} */ icon, /** @type {string} */ text, full = text) =>
    marks.push({ kind, icon, text, full });
  if (person.role === "host") add("host", "star", "Host");
  if (person.role === "listener") add("listener", "ear", "Listening");
  else if (person.muted) {
    add("muted", "mic-off", "Muted", person.muted_by ? `Muted by ${byWhom(person.muted_by, roster, ownId)}` : "Muted");
  }
  if (person.held) add("held", "pause", "On hold");
  if (person.deafened) add("deafened", "ear-off", "Hears nobody");
  return marks;
}

/**
 * @typedef {object} Standing  what concerns us at this moment
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
 * @returns {Standing | null}  null if all is as usual
 */
export function ownStanding(own, roster, rules) {
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

/**
 * What somebody needs beside the link that we copied for them.
 *
 * @param {boolean} hasPin  the room has a PIN
 * @param {boolean} guarded  nobody gets in without a token
 * @returns {string}  a sentence with a space before it; empty if the link is enough
 */
export function entryNeeds(hasPin, guarded) {
  if (hasPin) return " Whoever opens it needs the room's PIN.";
  return guarded ? " Whoever opens it needs an invitation of their own, or a PIN if a host sets one." : "";
}

/** What is said to somebody who finds out only afterwards that they were sent away. */
export const SENT_AWAY = {
  title: "You were removed",
  lead: "Somebody removed you from the room. To come back, ask whoever runs it.",
};

/**
 * What is said to somebody who was sent away, or whose conference is over.
 *
 * @param {string} departure  as in the event `participant.left`
 * @param {string | null | undefined} by
 * @param {string} reason  the server's words
 * @param {Roster} roster
 * @returns {{title: string, lead: string} | null}  null if they may come back by themselves
 */
export function farewell(departure, by, reason, roster) {
  if (departure === "removed") {
    return {
      title: "You were removed",
      lead: `${whoDid(by, roster, null)} removed you from the room. To come back, ask whoever runs it.`,
    };
  }
  if (departure !== "ended") return null;
  const lead = by ? `${whoDid(by, roster, null)} ended it for everybody.` : reason || "It was ended for everybody.";
  return { title: "The conference is over", lead };
}
