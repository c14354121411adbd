/**
 * Whether anything still arrives. ICE needs eight seconds or so to call a connection disconnected; the server sends sound
 * 50 times a second, and of silence two or three packets, so that nothing at all tells sooner. Pure.
 */

/** How long nothing may arrive before the connection counts as lost, in milliseconds: at least, and at most. */
export const SHORTEST = 1000;
export const LONGEST = 3000;

/** The same if something else says so, too. */
export const SUSPECTED = 600;

/** How often to look, in milliseconds. */
export const INTERVAL = 250;

/** So many times as long as between the last arrivals, where these come rarely, or get lost. */
const TIMES = 3.5;

/** What is left of a long gap with each arrival after it. */
const DECAY = 0.9;

/** How long a suspicion holds, in milliseconds. */
const SUSPICION = 2500;

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

/** Says when a count has stood still for too long. A count that never moved counts as alive: this browser doesn't count. */
export class Liveness {
  #count = 0;
  #since = Infinity;
  #gap = 0;
  #suspectedAt = -Infinity;

  /**
   * @param {number} count
   * @param {number} now  milliseconds
   * @returns {boolean}  whether the connection is still alive
   */
  isAlive(count, now) {
    if (count !== this.#count) {
      const gap = Math.min(Math.max(0, now - this.#since), LONGEST); // 0 for the first
      this.#gap = Math.max(gap, this.#gap * DECAY);
      this.#count = count;
      this.#since = now;
      this.#suspectedAt = -Infinity;
    }
    return now - this.#since < this.#patience(now) || this.#since === Infinity;
  }

  /** @param {number} now  milliseconds */
  suspect(now) {
    this.#suspectedAt = now;
  }

  /** @param {number} now */
  #patience(now) {
    if (now - this.#suspectedAt < SUSPICION) return SUSPECTED;
    return Math.min(LONGEST, Math.max(SHORTEST, this.#gap * TIMES));
  }
}
