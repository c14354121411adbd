/**
 * How people are arranged on the screen: as tiles that fill it, or as a compact list. Pure.
 */

/** With more people than this, a list is easier to read than tiles. */
export const MOST_TILES = 20;

/** From this many people on, those who talk are named in a line of their own. */
export const CROWD = 7;

/** In rem: the space between two tiles, and the sizes that they may have. */
const GAP = 0.75;
const TILE = { minWidth: 7, minHeight: 8, maxWidth: 56, maxHeight: 36, widest: 1.6, tallest: 1.3 };

/** The same for the rows of a list, and what is left for a scrollbar beside them. */
const ROW = { height: 3, minWidth: 13.5, maxWidth: 24, gap: 0.4, scrollbar: 1 };

/**
 * @typedef {object} Arrangement  all lengths in rem
 * @property {"tiles" | "list"} look
 * @property {number} columns
 * @property {number} width  of a tile or a row
 * @property {number} height
 * @property {number} gap
 */

/**
 * The largest tiles that all fit; a list where they would be too small.
 *
 * @param {number} count  of people, at least 1
 * @param {number} width  of the space there is, in rem
 * @param {number} height
 * @returns {Arrangement}
 */
export function arrange(count, width, height) {
  const tiles = count > MOST_TILES ? null : largestTiles(count, width, height);
  return tiles ?? list(count, width - ROW.scrollbar, height);
}

/**
 * @param {number} count
 * @param {number} width
 * @param {number} height
 * @returns {Arrangement | null}  null if they would be too small
 */
function largestTiles(count, width, height) {
  /** @type {Arrangement | null} */
  let best = null;
  for (let columns = 1; columns <= count; columns += 1) {
    const tile = tileIn(share(width, columns, GAP), share(height, Math.ceil(count / columns), GAP));
    const larger = best === null || tile.width * tile.height >= best.width * best.height;
    if (tile.width >= TILE.minWidth && tile.height >= TILE.minHeight && larger) {
      best = { look: "tiles", columns, gap: GAP, ...tile };
    }
  }
  return best;
}

/**
 * The largest tile of a good shape in a cell.
 *
 * @param {number} width
 * @param {number} height
 */
function tileIn(width, height) {
  return {
    width: Math.min(width, height * TILE.widest, TILE.maxWidth),
    height: Math.min(height, width * TILE.tallest, TILE.maxHeight),
  };
}

/**
 * As few columns as fill the width, or more if that saves scrolling; never more than can be read.
 *
 * @param {number} count
 * @param {number} width
 * @param {number} height
 * @returns {Arrangement}
 */
function list(count, width, height) {
  const most = fitting(width, ROW.minWidth);
  const columns = Math.min(most, count, Math.max(fitting(width, ROW.maxWidth), Math.ceil(count / fitting(height, ROW.height))));
  return {
    look: "list", columns, width: Math.min(share(width, columns, ROW.gap), ROW.maxWidth), height: ROW.height, gap: ROW.gap,
  };
}

/**
 * How many rows, or columns of rows, there is space for: at least one.
 *
 * @param {number} length
 * @param {number} each
 */
function fitting(length, each) {
  return Math.max(1, Math.floor((length + ROW.gap) / (each + ROW.gap)));
}

/**
 * @param {number} length
 * @param {number} parts
 * @param {number} gap
 */
function share(length, parts, gap) {
  return (length - gap * (parts - 1)) / parts;
}
