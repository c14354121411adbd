/**
 * Keeps remarks in the top layer: an open dialog covers what is outside of it, and keeps screen readers from reading it, so
 * toasts and announcements are moved into the dialog.
 */

import { byId } from "./dom.js";

const dialogs = [...document.querySelectorAll("dialog")];
const remarks = ["toast", "announce-polite", "announce-assertive"].map((id) => byId(id));

const observer = new MutationObserver(() => {
  const top = dialogs.findLast((dialog) => dialog.open) ?? document.body; // a question comes last, and is asked last
  if (remarks[0].parentElement !== top) top.append(...remarks);
});

for (const dialog of dialogs) observer.observe(dialog, { attributeFilter: ["open"] });
