/**
 * Plays what the others say, and asks for a tap where the browser wants one first.
 */

import { Playback } from "../audio/playback.js";
import { byId } from "../page/dom.js";

const playback = new Playback(byId("remote", HTMLAudioElement));
const button = byId("tap-to-hear", HTMLButtonElement);

playback.addEventListener("blocked", () => (button.hidden = false));
playback.addEventListener("playing", () => (button.hidden = true));
button.addEventListener("click", () => resume());

/** @param {MediaStream | null} stream */
export function play(stream) {
  button.hidden = true;
  void playback.play(stream);
}

/** Goes on after an interruption. */
export function resume() {
  void playback.resume();
}
