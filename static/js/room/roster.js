/**
 * Who is in the room, kept up by the server's events. Pure: every function gives a new roster.
 */

/**
 * @typedef {object} Person
 * @property {string} id
 * @property {string} name
 * @property {string} transport  `webrtc`, `twilio` or `local`
 * @property {boolean} muted
 * @property {boolean} talking
 * @property {number} level  dBov, -127 to 0
 * @property {number} joined_at  unix time in seconds
 * @property {"host" | "speaker" | "listener"} role
 * @property {string | null} identity  who they are beyond this room
 * @property {string | null} muted_by  who muted them, so that they cannot unmute themselves
 * @property {boolean} held
 * @property {boolean} deafened
 * @property {boolean} waiting  in the lobby
 * @property {number | null} hand_raised_at  unix time in seconds
 * @property {{state: string, answered_by?: string}} [call]  how far it has come with somebody whom the room has called
 */

/** @typedef {ReadonlyMap<string, Person>} Roster  people by id */

/**
 * @typedef {object} Departure  why somebody is not to come back by themselves
 * @property {"removed" | "ended"} departure  as in the event `participant.left`
 * @property {string | null} [by]  who did it; undefined for somebody who finds out only afterwards
 * @property {string} [reason]  the server's words
 */

/** @type {Roster} */
export const EMPTY_ROSTER = new Map();

const SILENT = -127;

/**
 * @param {Roster} roster
 * @param {string} type  an event's name
 * @param {any} data  its data
 * @returns {Roster}  the same object if nothing changed
 */
export function applyEvent(roster, type, data) {
  switch (type) {
    case "room":
      return new Map(data.participants.map((/** @type {Person} */ person) => [person.id, person]));
    case "participant.joined":
    case "participant.updated":
      return withPerson(roster, data.participant);
    case "participants.updated":
      return withChanges(roster, data.ids, data.changes);
    case "participants.left":
      return withoutAll(roster, data.ids);
    case "participant.left":
      return without(roster, data.participant.id);
    case "talking.started":
      return changed(roster, data.id, { talking: true });
    case "talking.stopped":
      return changed(roster, data.id, { talking: false, level: SILENT });
    default:
      return roster;
  }
}

/**
 * Whom an event is about: each as they are by it, and as they were before, if they were known.
 *
 * @param {any} data  of the event
 * @param {Roster} before
 * @param {Roster} after
 * @returns {{person: Person, was: Person | null}[]}
 */
export function whomItConcerns(data, before, after) {
  if (data.participant) return [{ person: data.participant, was: before.get(data.participant.id) ?? null }];
  return (data.ids ?? []).flatMap((/** @type {string} */ id) => {
    const was = before.get(id) ?? null;
    const person = after.get(id) ?? was;
    return person ? [{ person, was }] : [];
  });
}

/**
 * You first, then everybody in the order they came.
 *
 * @param {Roster} roster
 * @param {string | null} ownId
 * @returns {Person[]}
 */
export function inOrder(roster, ownId) {
  return [...roster.values()].sort(
    (a, b) => Number(b.id === ownId) - Number(a.id === ownId) || a.joined_at - b.joined_at || (a.id < b.id ? -1 : 1),
  );
}

/**
 * Those who are in the room, and those who wait to be let in.
 *
 * @param {Roster} roster
 * @returns {{here: Roster, waiting: Person[]}}
 */
export function split(roster) {
  const here = new Map([...roster].filter(([, person]) => !person.waiting));
  const waiting = [...roster.values()].filter((person) => person.waiting);
  return { here, waiting: waiting.sort((a, b) => a.joined_at - b.joined_at) };
}

/**
 * @param {Roster} roster
 * @param {Person} person
 */
function withPerson(roster, person) {
  return new Map(roster).set(person.id, person);
}

/**
 * @param {Roster} roster
 * @param {string[]} ids
 * @param {Partial<Person>} changes  what is so of all of them now
 */
function withChanges(roster, ids, changes) {
  const people = new Map(roster);
  for (const id of ids) {
    const person = people.get(id);
    if (person) people.set(id, { ...person, ...changes });
  }
  return people;
}

/**
 * @param {Roster} roster
 * @param {string} id
 */
function without(roster, id) {
  if (!roster.has(id)) return roster;
  const rest = new Map(roster);
  rest.delete(id);
  return rest;
}

/**
 * @param {Roster} roster
 * @param {string[]} ids
 */
function withoutAll(roster, ids) {
  const gone = new Set(ids);
  return new Map([...roster].filter(([id]) => !gone.has(id)));
}

/**
 * @param {Roster} roster
 * @param {string} id
 * @param {Partial<Person>} changes
 */
function changed(roster, id, changes) {
  const person = roster.get(id);
  return person ? withPerson(roster, { ...person, ...changes }) : roster;
}
