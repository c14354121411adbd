/**
 * What tells people apart who go by the same name. Pure.
 */

/** @typedef {import("../room/roster.js").Roster} Roster */

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
 * The same for all names that look the same.
 *
 * @param {string} name
 */
function alike(name) {
  return name.normalize("NFKC").replace(/\p{C}/gu, "").replace(/\s+/gu, " ").trim().toLowerCase();
}
