/**
 * What is said to those who listen to the page rather than look at it.
 */

import { byId } from "./dom.js";

/**
 * Says this when there is a pause.
 *
 * @param {string} sentence
 */
export function announce(sentence) {
  say("announce-polite", sentence);
}

/**
 * Says this at once: something went wrong.
 *
 * @param {string} sentence
 */
export function alert(sentence) {
  say("announce-assertive", sentence);
}

/**
 * @param {string} region
 * @param {string} sentence
 */
function say(region, sentence) {
  const element = byId(region);
  // The same text twice is no change, and would not be said: a no-break space makes it one.
  element.textContent = element.textContent === sentence ? `${sentence}\u00a0` : sentence;
}
