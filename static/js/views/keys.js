/**
 * The room's keys: `M` mutes and unmutes; holding space talks while muted.
 */

/**
 * @typedef {object} KeyActions
 * @property {() => void} toggleMute
 * @property {() => boolean} talk  starts push-to-talk; false if there is nothing to start
 * @property {() => void} hush  ends push-to-talk
 */

/**
 * @param {KeyActions} actions
 * @returns {() => void}  stops listening
 */
export function listenForKeys(actions) {
  let holding = false;
  const release = () => {
    if (holding) actions.hush();
    holding = false;
  };
  const down = (/** @type {KeyboardEvent} */ event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || isDialogOpen()) return;
    if (event.key.toLowerCase() === "m" && !event.repeat && !takesText(event.target)) actions.toggleMute();
    if (event.code !== "Space" || usesSpace(event.target)) return;
    event.preventDefault(); // or the page scrolls
    if (!event.repeat && !holding) holding = actions.talk();
  };
  const up = (/** @type {KeyboardEvent} */ event) => {
    if (event.code === "Space") release();
  };
  document.addEventListener("keydown", down);
  document.addEventListener("keyup", up);
  window.addEventListener("blur", release);
  return () => {
    release();
    document.removeEventListener("keydown", down);
    document.removeEventListener("keyup", up);
    window.removeEventListener("blur", release);
  };
}

/** @param {EventTarget | null} target */
function takesText(target) {
  return target instanceof Element && target.matches("input:not([type=checkbox]), textarea, select, [contenteditable]");
}

/** @param {EventTarget | null} target */
function usesSpace(target) {
  return target instanceof Element && target.matches("input, textarea, select, button, summary, a, [contenteditable]");
}

function isDialogOpen() {
  return document.querySelector("dialog[open]") !== null;
}
