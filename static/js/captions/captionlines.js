/**
 * What is shown of what was said: the last captions, each as it is understood by now. Pure.
 */

/**
 * @typedef {object} Caption
 * @property {string} id
 * @property {string} participant  who said it
 * @property {string} name
 * @property {string} text
 * @property {boolean} final  it stays as it is
 * @property {number} begins_at
 */

/** How many are kept. */
const MOST = 100;

/**
 * @param {readonly Caption[]} lines  in the order in which they began
 * @param {Caption} caption  takes the place of what was told of it before
 * @returns {readonly Caption[]}  the same if nothing changed
 */
export function withCaption(lines, caption) {
  const known = lines.find((one) => one.id === caption.id);
  if (known?.final) return lines;
  const others = lines.filter((one) => one !== known);
  const place = others.filter((one) => one.begins_at <= caption.begins_at).length;
  return [...others.slice(0, place), caption, ...others.slice(place)].slice(-MOST);
}

/**
 * @param {readonly Caption[]} lines
 * @param {readonly Caption[]} earlier  what was said before, and is final
 * @returns {readonly Caption[]}
 */
export function withCaptions(lines, earlier) {
  return earlier.reduce(withCaption, lines);
}
