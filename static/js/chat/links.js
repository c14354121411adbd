/**
 * Addresses in what people write. Pure.
 */

/**
 * @typedef {object} Part  of a text; all parts together are the text
 * @property {string} text
 * @property {string | null} href  where it leads to, if it is an address of the web
 */

// Until a space, or what addresses do not have in them; nor characters that are not to be seen, or that turn the direction
// of the writing: with those an address could look like another.
const ADDRESS = /https?:\/\/[^\s<>"`{}|\\^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]+/giu;

/** What ends a sentence, or stands around an address, rather than being the end of it. */
const TRAILING = new Set(".,;:!?'*_~\u2026\u2018\u2019\u201c\u201d\u00ab\u00bb\u3001\u3002\uff0c\uff0e\uff01\uff1f\uff1a\uff1b\u300d\u300f");

/** Closing brackets, by which they close. */
const BRACKETS = new Map([[")", "("], ["]", "["], ["\uff09", "\uff08"], ["\u3011", "\u3010"]]);

/**
 * Takes a text apart at the addresses in it. Only such with `http` and `https` are links; one that hides where it leads
 * behind a user's name is none.
 *
 * @param {string} text
 * @returns {Part[]}  none of them empty
 */
export function linkParts(text) {
  /** @type {Part[]} */
  const parts = [];
  let end = 0;
  for (const found of text.matchAll(ADDRESS)) {
    if (/[\p{L}\p{N}]$/u.test(text.slice(Math.max(0, found.index - 2), found.index))) continue; // the end of another word
    const address = found[0].slice(0, lengthOf(found[0]));
    const href = target(address);
    if (href === null) continue;
    if (found.index > end) parts.push({ text: text.slice(end, found.index), href: null });
    parts.push({ text: address, href });
    end = found.index + address.length;
  }
  if (end < text.length) parts.push({ text: text.slice(end), href: null });
  return parts;
}

/**
 * How much of it is the address, without the full stop after it, or the bracket that was opened before it.
 *
 * @param {string} found
 */
function lengthOf(found) {
  /** @type {Map<string, number>}  how many more are opened than closed, of each kind */
  const open = new Map();
  for (const character of found) {
    const opening = BRACKETS.get(character);
    if (opening) open.set(opening, (open.get(opening) ?? 0) - 1);
    else open.set(character, (open.get(character) ?? 0) + 1);
  }
  let length = found.length;
  for (; length > 0; length -= 1) {
    const last = found[length - 1];
    const opening = BRACKETS.get(last);
    const unopened = opening !== undefined && (open.get(opening) ?? 0) < 0;
    if (!TRAILING.has(last) && !unopened) break;
    if (opening) open.set(opening, (open.get(opening) ?? 0) + 1);
  }
  return length;
}

/**
 * @param {string} address
 * @returns {string | null}  null if it is none
 */
function target(address) {
  try {
    const url = new URL(address);
    const plain = url.username === "" && url.password === "" && url.hostname !== "";
    return plain && ["http:", "https:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}
