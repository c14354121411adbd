/**
 * What everybody in a room sees of its recording. Pure.
 */

import { byWhom } from "../room/actors.js";

/**
 * @param {import("../room/roomstate.js").Recording | null} recording
 * @param {import("../room/roster.js").Roster} roster
 * @param {string | null} ownId
 * @returns {string}  empty if nothing is recorded
 */
export function recordingMark(recording, roster, ownId) {
  if (!recording) return "";
  const by = recording.started_by === null ? "by the server" : `by ${byWhom(recording.started_by, roster, ownId)}`;
  return recording.state === "paused" ? `Recording paused, begun ${by}` : `Recording, begun ${by}`;
}
