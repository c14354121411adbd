/**
 * Names for rooms that are easy to say on the telephone, and hard to come upon by chance. Pure.
 */

const FIRST = ["amber", "brisk", "calm", "clear", "coral", "early", "fresh", "gentle", "green", "happy", "jolly", "kind", "lucky", "mellow", "quiet", "silver"];
const SECOND = ["badger", "beaver", "cedar", "finch", "heron", "lake", "maple", "meadow", "otter", "owl", "river", "robin", "sparrow", "stone", "willow", "wren"];

/**
 * @param {() => number} random  gives numbers from 0 to less than 1
 * @returns {string}  e.g. `calm-otter-4821`
 */
export function suggestedRoom(random) {
  const one = (/** @type {readonly string[]} */ words) => words[Math.floor(random() * words.length)];
  return `${one(FIRST)}-${one(SECOND)}-${1000 + Math.floor(random() * 9000)}`;
}
