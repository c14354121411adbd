/**
 * Says who came and who left.
 */

import { announce } from "../page/announce.js";
import { listed, text } from "../texts/texts.js";

/** How long comings and goings are collected before they are said together, in milliseconds. */
const COLLECT = 1500;

/** @type {string[]} */
let joined = [];
/** @type {string[]} */
let left = [];
let timer = 0;

/** @param {string} name */
export function announceJoined(name) {
  joined.push(name);
  collect();
}

/** @param {string} name */
export function announceLeft(name) {
  left.push(name);
  collect();
}

function collect() {
  if (timer) return;
  timer = setTimeout(() => {
    timer = 0;
    announce(comingsAndGoings(joined, left));
    joined = [];
    left = [];
  }, COLLECT);
}

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
 * @param {"joined" | "left"} what
 */
function part(names, what) {
  if (names.length === 0) return "";
  const count = names.length;
  return count > 3 ? text(`people.${what}-many`, { count }) : text(`people.${what}`, { count, names: listed(names) });
}
