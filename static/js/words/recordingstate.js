/**
 * How far it has come with a recording, in words. Pure.
 */

import { text } from "../texts/texts.js";

/** What is said of a recording that is not ready. */
const STATES = /** @type {const} */ ({
  recording: "recordings.going-on", paused: "recordings.paused", finishing: "recordings.finishing", failed: "recordings.failed",
});

/**
 * @param {keyof typeof STATES | "ready"} state
 * @returns {string}  empty for one that is ready
 */
export function recordingState(state) {
  return state === "ready" ? "" : text(STATES[state]);
}
