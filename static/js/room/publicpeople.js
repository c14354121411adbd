/**
 * People as other sites' pages are told of them. Pure.
 */

import { inOrder } from "./roster.js";

/** @typedef {import("./roster.js").Roster} Roster */

/**
 * @typedef {object} PublicPerson
 * @property {string} id
 * @property {string} name
 * @property {"host" | "speaker" | "listener"} role
 * @property {string} transport  `webrtc`, `local`, or the provider of a call
 * @property {boolean} muted
 * @property {boolean} talking
 * @property {boolean} waiting  in the waiting room
 * @property {boolean} you
 */

/**
 * @param {Roster} roster
 * @param {string | null} ownId
 * @returns {PublicPerson[]}  you first, then everybody in the order they came
 */
export function publicPeople(roster, ownId) {
  return inOrder(roster, ownId).map(({ id, name, role, transport, muted, talking, waiting }) =>
    ({ id, name, role, transport, muted, talking: talking && !muted, waiting, you: id === ownId }));
}

/**
 * Who has begun to talk, or stopped.
 *
 * @param {readonly PublicPerson[]} before
 * @param {readonly PublicPerson[]} now
 * @returns {{id: string, name: string, you: boolean, talking: boolean}[]}
 */
export function talkingChanges(before, now) {
  const talked = new Set(before.filter((person) => person.talking).map((person) => person.id));
  return now.filter((person) => person.talking !== talked.has(person.id)).map(({ id, name, you, talking }) => ({ id, name, you, talking }));
}
