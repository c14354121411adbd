/**
 * Which controls somebody gets: those that the server will not refuse them, and no others. Pure.
 */

/**
 * @typedef {object} Access  what the server says that we may do
 * @property {string | null} room  the one room that it is for; null for any
 * @property {string | null} name  what people see, unless we choose otherwise
 * @property {"host" | "speaker" | "listener"} role  as what we join
 * @property {readonly string[]} rights  of `speak`, `listen`, `moderate`, `dial`, `record`
 */

/** @type {Access}  before the server said anything */
export const NO_ACCESS = { room: null, name: null, role: "listener", rights: [] };

/**
 * @param {Access} access
 * @param {string} right
 */
export function may(access, right) {
  return access.rights.includes(right);
}

/** @typedef {"volume" | "mute" | "ask" | "lower" | "hold" | "deafen" | "role" | "rename" | "whisper" | "coach" | "admit" | "remove" | "transfer" | "hang-up"} Action */

/**
 * What may be done to one person.
 *
 * @param {Access} access
 * @param {import("./roster.js").Person} person
 * @param {string | null} ownId
 * @returns {Action[]}
 */
export function actionsFor(access, person, ownId) {
  const moderator = may(access, "moderate");
  if (person.id === ownId) return ["deafen", "rename", ...(moderator ? /** @type {Action[]} */ (["role", "whisper"]) : [])];
  if (!moderator) return person.waiting || !may(access, "listen") ? [] : ["volume"];
  if (person.waiting) return ["admit", "rename", "role", "remove"];
  if (person.call && person.call.state !== "answered") return ["rename", "hang-up"];
  return [
    "volume",
    ...mutes(person),
    ...(person.hand_raised_at ? /** @type {Action[]} */ (["lower"]) : []),
    "hold", "deafen", "coach", ...(may(access, "dial") ? /** @type {Action[]} */ (["transfer"]) : []),
    "role", "rename", "whisper", person.call ? "hang-up" : "remove",
  ];
}

/**
 * @param {import("./roster.js").Person} person
 * @returns {Action[]}
 */
function mutes(person) {
  if (person.role === "listener") return [];
  return [person.muted ? "ask" : "mute"];
}
