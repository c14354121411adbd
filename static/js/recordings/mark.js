/**
 * What everybody in a room sees of its recording. Pure.
 */

import { byWhom } from "../words/actors.js";
import { text } from "../texts/texts.js";

/**
 * @param {import("../room/roomstate.js").Recording | null} recording
 * @param {import("../room/roster.js").Roster} roster
 * @param {string | null} ownId
 * @returns {string}  empty if nothing is recorded
 */
export function recordingMark(recording, roster, ownId) {
  if (!recording) return "";
  const paused = recording.state === "paused";
  if (recording.started_by === null) return text(paused ? "recording.paused-by-server" : "recording.by-server");
  return text(paused ? "recording.paused-by" : "recording.by", { who: byWhom(recording.started_by, roster, ownId) });
}
