/**
 * How good the connection is, from the browser's own statistics. Pure.
 */

/**
 * @typedef {object} Counters  running totals, and the latest of the rest
 * @property {number | null} roundTrip  seconds
 * @property {number} jitter  seconds
 * @property {number} received  packets
 * @property {number} lost  packets on their way to us
 * @property {number} lostUp  fraction lost on their way to the server, 0 to 1
 */

/**
 * @typedef {object} Quality
 * @property {"unknown" | "good" | "fair" | "poor"} grade
 * @property {Figures | null} figures  what is behind it; null if it is not known
 *
 * @typedef {object} Figures
 * @property {number} roundTrip  seconds
 * @property {number} loss  0 to 1, in the direction that loses more
 * @property {number} jitter  seconds
 */

/**
 * @param {Iterable<any>} report  the values of an RTCStatsReport
 * @returns {Counters}
 */
export function countersFrom(report) {
  /** @type {Counters} */
  const counters = { roundTrip: null, jitter: 0, received: 0, lost: 0, lostUp: 0 };
  for (const entry of report) {
    if (entry.type === "candidate-pair" && entry.nominated && entry.currentRoundTripTime !== undefined) {
      counters.roundTrip = entry.currentRoundTripTime;
    } else if (entry.type === "inbound-rtp" && entry.kind === "audio") {
      counters.jitter = entry.jitter ?? 0;
      counters.received = entry.packetsReceived ?? 0;
      counters.lost = entry.packetsLost ?? 0;
    } else if (entry.type === "remote-inbound-rtp" && entry.kind === "audio") {
      counters.lostUp = entry.fractionLost ?? 0;
    }
  }
  return counters;
}

/**
 * @param {Counters | null} before  a few seconds ago
 * @param {Counters} now
 * @returns {Quality}
 */
export function judge(before, now) {
  if (before === null || now.roundTrip === null) return { grade: "unknown", figures: null };
  const lost = Math.max(0, now.lost - before.lost);
  const expected = lost + Math.max(0, now.received - before.received);
  const loss = Math.max(expected > 0 ? lost / expected : 0, now.lostUp);
  return { grade: grade(now.roundTrip, loss, now.jitter), figures: { roundTrip: now.roundTrip, loss, jitter: now.jitter } };
}

/**
 * Limits after ITU-T G.107's view: a delay of 150 ms one way goes unnoticed, and Opus hides about 2 % of loss.
 *
 * @param {number} roundTrip
 * @param {number} loss
 * @param {number} jitter
 */
function grade(roundTrip, loss, jitter) {
  if (roundTrip > 0.4 || loss > 0.08 || jitter > 0.08) return "poor";
  if (roundTrip > 0.2 || loss > 0.02 || jitter > 0.03) return "fair";
  return "good";
}
