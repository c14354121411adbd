/**
 * Remarks stay in front: while a dialog is open, what is outside of it is covered, and not read out.
 */

import { byId } from "./dom.js";

const dialogs = [...document.querySelectorAll("dialog")];
const remarks = ["toast", "announce-polite", "announce-assertive"].map((id) => byId(id));

const observer = new MutationObserver(() => {
  const front = dialogs.findLast((dialog) => dialog.open) ?? document.body; // a question comes last, and is asked last
  if (remarks[0].parentElement !== front) front.append(...remarks);
});

for (const dialog of dialogs) observer.observe(dialog, { attributeFilter: ["open"] });
