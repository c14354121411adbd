/**
 * When to try again after a lost connection. Pure.
 */

/** After this many seconds without success the person decides. */
export const PATIENCE = 60;

/**
 * Fast first, since most losses are short; then slower, so that a server that comes back is not overrun.
 *
 * @param {number} attempt  0 for the first
 * @param {number} random  0 to 1: spreads everybody's attempts
 * @returns {number}  seconds to wait before it
 */
export function delayBefore(attempt, random) {
  if (attempt === 0) return 0;
  const step = Math.min(8, 0.5 * 2 ** (attempt - 1));
  return step * (0.75 + 0.5 * random);
}
