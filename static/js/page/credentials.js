/**
 * The tokens that this tab was let in with, by room: they outlive a reload, and end with the tab.
 */

/**
 * @param {string} room
 * @returns {string}  empty if there is none
 */
export function tokenOf(room) {
  try {
    return sessionStorage.getItem(key(room)) ?? "";
  } catch {
    return ""; // storage is forbidden for this page
  }
}

/**
 * @param {string} room
 * @param {string} token  empty to forget it
 */
export function keepToken(room, token) {
  try {
    if (token) sessionStorage.setItem(key(room), token);
    else sessionStorage.removeItem(key(room));
  } catch {
    // forgotten with the page, then
  }
}

/** @param {string} room */
function key(room) {
  return `conference.token.${room}`;
}
