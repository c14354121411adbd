/**
 * Loudness as the eye expects it. Pure.
 */

const QUIET = -60;
const LOUD = -10;

/**
 * How full a meter is. Speech lies between about -45 and -15 dB, so that is most of the scale.
 *
 * @param {number} level  dBov or dBFS
 * @returns {number}  0 (nothing to be seen) to 1 (full)
 */
export function fullness(level) {
  return Math.min(1, Math.max(0, (level - QUIET) / (LOUD - QUIET)));
}

/**
 * The level of samples between -1 and 1.
 *
 * @param {Float32Array} samples
 * @returns {number}  dBFS, -127 for silence; a square wave at full scale is 0
 */
export function levelOf(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  if (sum === 0) return -127;
  return Math.max(-127, 10 * Math.log10(sum / samples.length));
}
