/**
 * Shows how good the connection is.
 */

import { countersFrom, judge } from "../call/quality.js";
import { byId, setText } from "../page/dom.js";
import { number, text } from "../texts/texts.js";

/** How often the browser is asked, in milliseconds. */
const INTERVAL = 2000;

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
      const { grade, figures } = judge(connection === judged ? this.#before : null, counters);
      this.#show(grade, figuresIn(figures));
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
    if (this.#lost) this.#show("lost", text("quality.nothing"));
    else this.#show("unknown", text("quality.no-figures"));
  }

  /**
   * @param {"unknown" | "good" | "fair" | "poor" | "lost"} grade
   * @param {string} figures
   */
  #show(grade, figures) {
    byId("quality").dataset.quality = grade;
    setText(byId("quality-word"), text(`quality.${grade}`));
    setText(byId("quality-figures"), figures);
  }
}

/** @param {import("../call/quality.js").Figures | null} figures */
function figuresIn(figures) {
  if (!figures) return text("quality.no-figures");
  const loss = figures.loss * 100;
  return text("quality.figures", {
    roundTrip: Math.round(figures.roundTrip * 1000),
    loss: number(loss, loss > 0 && loss < 9.95 ? 1 : 0),
    jitter: Math.round(figures.jitter * 1000),
  });
}
