/**
 * Copies text, also where the page isn't secure and the clipboard's own interface is missing.
 *
 * @param {string} text
 * @returns {Promise<boolean>}  whether it worked
 */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

/** @param {string} text */
function copyBySelection(text) {
  const focused = document.activeElement;
  const box = document.createElement("textarea");
  box.value = text;
  box.className = "sr-only";
  document.body.append(box);
  box.select();
  const worked = document.execCommand("copy");
  box.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return worked;
}
