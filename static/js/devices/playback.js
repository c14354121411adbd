/**
 * Plays what the others say, and asks for a tap where the browser wants one first.
 */

import { byId } from "../page/dom.js";

const audio = byId("remote", HTMLAudioElement);
const button = byId("tap-to-hear", HTMLButtonElement);

button.addEventListener("click", () => start());

/** @param {MediaStream | null} stream */
export function play(stream) {
  audio.srcObject = stream;
  button.hidden = true;
  if (stream) start();
}

function start() {
  audio.play().then(
    () => {
      button.hidden = true;
    },
    (error) => {
      // AbortError: another stream took its place meanwhile
      if (error.name === "NotAllowedError") button.hidden = false;
    },
  );
}
