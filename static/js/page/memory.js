/**
 * What this browser remembers between visits: the name, the devices, and whether captions are wanted. Works without, too.
 *
 * @param {"name" | "microphone" | "speaker" | "captions"} key
 * @returns {string}  empty if nothing is remembered
 */
export function recall(key) {
  try {
    return localStorage.getItem(`conference.${key}`) ?? "";
  } catch {
    return ""; // storage is forbidden for this page
  }
}

/**
 * @param {"name" | "microphone" | "speaker" | "captions"} key
 * @param {string} value
 */
export function remember(key, value) {
  try {
    localStorage.setItem(`conference.${key}`, value);
  } catch {
    // forgotten, then
  }
}
