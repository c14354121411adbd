/**
 * Who did something, in words. Pure.
 */

/** @typedef {import("./roster.js").Roster} Roster */

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
