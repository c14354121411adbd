/**
 * Who is named as talking: a few places, in which nobody jumps about with each word. Pure.
 */

/** How long somebody keeps their place after their last word, in milliseconds. */
export const LINGER = 3000;

/**
 * @typedef {object} Talker
 * @property {string} id
 * @property {number} heard  when they last talked, in milliseconds
 * @property {boolean} talking  now
 */

/**
 * @typedef {object} Talkers
 * @property {readonly Talker[]} named  in the order of their places
 * @property {number} more  how many talk beside those
 */

/** @type {Talkers} */
export const NOBODY = { named: [], more: 0 };

/**
 * Whoever begins to talk takes the place of whoever has been silent for the longest if there is no other. All others stay
 * where they are.
 *
 * @param {Talkers} before
 * @param {ReadonlySet<string>} here  everybody in the room, by id
 * @param {ReadonlySet<string>} talking  who talks now
 * @param {number} now  in milliseconds
 * @param {number} places  how many can be named
 * @returns {Talkers}
 */
export function nameTalkers(before, here, talking, now, places) {
  const named = before.named
    .map(({ id, heard, ...was }) => ({ id, talking: talking.has(id), heard: talking.has(id) || was.talking ? now : heard }))
    .filter(({ id, heard }) => here.has(id) && now - heard < LINGER);
  while (named.length > places) named.splice(leastWanted(named), 1);
  let more = [...talking].filter((id) => here.has(id)).length - named.filter((one) => one.talking).length;
  for (const id of talking) {
    if (!here.has(id) || named.some((one) => one.id === id)) continue;
    const place = named.length < places ? named.length : leastWanted(named);
    if (place >= 0 && !named[place]?.talking) {
      named[place] = { id, talking: true, heard: now };
      more -= 1;
    }
  }
  return { named, more };
}

/**
 * When somebody's place becomes free if nobody says anything until then.
 *
 * @param {Talkers} talkers
 * @returns {number | null}  in milliseconds; null if everybody named talks
 */
export function nextChange({ named }) {
  const silent = named.filter((one) => !one.talking).map((one) => one.heard + LINGER);
  return silent.length === 0 ? null : Math.min(...silent);
}

/**
 * The place of whoever has been silent for the longest; the last one if all talk.
 *
 * @param {readonly Talker[]} named
 */
function leastWanted(named) {
  let least = named.length - 1;
  named.forEach((one, place) => {
    if (!one.talking && (named[least].talking || one.heard < named[least].heard)) least = place;
  });
  return least;
}
