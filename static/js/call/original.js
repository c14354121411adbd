/**
 * Sound that nobody is to change: music, from a microphone without processing.
 */

/**
 * Whether nobody is to change anything about a microphone's sound.
 *
 * @param {MediaStreamTrack | null} track
 */
export function isOriginal(track) {
  return track?.contentHint === "music";
}
