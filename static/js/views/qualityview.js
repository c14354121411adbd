/**
 * Shows how good the connection is.
 */

import { countersFrom, judge } from "../call/quality.js";
import { byId, setText } from "../page/dom.js";

/** How often the browser is asked, in milliseconds. */
const INTERVAL = 2000;

const WORDS = { unknown: "measuring", good: "good", fair: "fair", poor: "poor", lost: "lost" };

export class QualityView {
  #timer = 0;
  #lost = false;
  /** @type {import("../call/quality.js").Counters | null} */ #before = null;

  /** @param {() => import("../call/connection.js").Connection | null} current  the connection to judge */
  watch(current) {
    this.stop();
    /** @type {import("../call/connection.js").Connection | null} */
    let judged = null;
    this.#timer = setInterval(async () => {
      const connection = current();
      if (this.#lost || !connection?.connected) return this.#forget();
      const counters = countersFrom((await connection.stats()).values());
      if (this.#lost) return; // meanwhile
      this.#show(judge(connection === judged ? this.#before : null, counters));
      this.#before = counters;
      judged = connection;
    }, INTERVAL);
  }

  stop() {
    clearInterval(this.#timer);
    this.setLost(false);
  }

  /**
   * What the banner says is said here, too, and at the same moment.
   *
   * @param {boolean} lost
   */
  setLost(lost) {
    this.#lost = lost;
    this.#forget();
  }

  #forget() {
    this.#before = null;
    this.#show(this.#lost ? { grade: "lost", figures: "Nothing arrives." } : { grade: "unknown", figures: "No figures yet." });
  }

  /** @param {import("../call/quality.js").Quality} quality */
  #show(quality) {
    byId("quality").dataset.quality = quality.grade;
    setText(byId("quality-word"), WORDS[quality.grade]);
    setText(byId("quality-figures"), quality.figures);
  }
}
