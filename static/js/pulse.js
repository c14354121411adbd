/**
 * Whether anything still arrives. ICE needs eight seconds or so to call a connection disconnected; the server
 * says something every second, so that silence tells sooner. Pure.
 */

/** How long nothing may arrive before the connection counts as lost, in milliseconds. */
export const PATIENCE = 3000;

/** How often to look, in milliseconds. */
export const INTERVAL = 500;

/**
 * @param {Iterable<any>} report  the values of an RTCStatsReport
 * @returns {number}  grows with everything that arrives
 */
export function arrivals(report) {
  let sum = 0;
  for (const entry of report) {
    if (entry.type === "candidate-pair") sum += (entry.bytesReceived ?? 0) + (entry.responsesReceived ?? 0);
  }
  return sum;
}

/** Says when a count has stood still for too long. One that never moved says nothing: this browser doesn't count. */
export class Pulse {
  #count = 0;
  #since = Infinity;

  /**
   * @param {number} count
   * @param {number} now  milliseconds
   * @returns {boolean}  whether it still beats
   */
  beats(count, now) {
    if (count !== this.#count) {
      this.#count = count;
      this.#since = now;
    }
    return now - this.#since < PATIENCE || this.#since === Infinity;
  }
}
