/**
 * A question before something that cannot be taken back.
 */

import { byId, setText } from "./dom.js";

const dialog = byId("confirm-dialog", HTMLDialogElement);

/** @type {(yes: boolean) => void} */
let answer = () => {};

byId("confirm-yes").addEventListener("click", () => close(true));
byId("confirm-no").addEventListener("click", () => close(false));
dialog.addEventListener("close", () => {
  if (!dialog.open) answer(false); // by Escape. It comes with the next frame, when the next question may already be asked
});

/** @param {boolean} yes */
function close(yes) {
  dialog.close();
  answer(yes);
}

/**
 * @param {string} title  the question
 * @param {string} text  what will happen
 * @param {string} yes  what the button says that does it
 * @returns {Promise<boolean>}
 */
export function confirmed(title, text, yes) {
  setText(byId("confirm-title"), title);
  setText(byId("confirm-text"), text);
  setText(byId("confirm-yes"), yes);
  dialog.showModal();
  byId("confirm-no").focus(); // what undoes nothing
  return new Promise((resolve) => {
    answer = resolve;
  });
}
