/**
 * What is said when people come and go. Pure.
 */

/**
 * One sentence for everything that happened lately, so that a screen reader isn't flooded.
 *
 * @param {readonly string[]} joined  names
 * @param {readonly string[]} left  names
 * @returns {string}  empty if nothing happened
 */
export function comingsAndGoings(joined, left) {
  return [part(joined, "joined"), part(left, "left")].filter(Boolean).join(" ");
}

/**
 * @param {readonly string[]} names
 * @param {string} verb
 */
function part(names, verb) {
  if (names.length === 0) return "";
  if (names.length > 3) return `${names.length} people ${verb}.`;
  if (names.length === 1) return `${names[0]} ${verb}.`;
  return `${names.slice(0, -1).join(", ")} and ${names[names.length - 1]} ${verb}.`;
}
