/**
 * A question before something that cannot be taken back.
 */

import { byId, setText } from "./dom.js";

const dialog = byId("confirm-dialog", HTMLDialogElement);

byId("confirm-yes").addEventListener("click", () => dialog.close("yes"));
byId("confirm-no").addEventListener("click", () => dialog.close(""));

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
  dialog.returnValue = ""; // Escape leaves it as it is
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
