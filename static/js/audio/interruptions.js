/**
 * When a page goes on after it was stopped: a call on a phone, another tab, a frozen page, a computer that slept. Nothing tells of
 * all of these, so several things are looked at.
 */

/** How often to look whether time has passed without us, in milliseconds; and how much of it means that we slept. */
const LOOK = 2000;
const SLEPT = 10_000;

/** How long what happens at once is one and the same, in milliseconds. */
const TOGETHER = 100;

/**
 * Fires `back` when the page may have been stopped until now: what makes sound is to be looked after. Fires `network` when the
 * device has gone over to another network.
 */
export class Interruptions extends EventTarget {
  #listening = new AbortController();
  #timer = 0;
  #soon = 0;
  #now;

  /**
   * @param {Window} page
   * @param {() => number} [now]  milliseconds, of a clock that goes on during sleep
   */
  constructor(page, now = Date.now) {
    super();
    this.#now = now;
    const { signal } = this.#listening;
    const { document, navigator } = page;
    const back = () => this.#tell();
    document.addEventListener("visibilitychange", () => document.hidden || back(), { signal });
    document.addEventListener("resume", back, { signal });
    page.addEventListener("pageshow", back, { signal });
    page.addEventListener("online", back, { signal });
    const connection = /** @type {EventTarget | undefined} */ (/** @type {any} */ (navigator).connection);
    connection?.addEventListener("change", () => this.dispatchEvent(new Event("network")), { signal });
    this.#watchTheClock();
  }

  /** Looks no more. */
  stop() {
    this.#listening.abort();
    clearInterval(this.#timer);
    clearTimeout(this.#soon);
  }

  #watchTheClock() {
    let last = this.#now();
    this.#timer = setInterval(() => {
      const now = this.#now();
      if (now - last > SLEPT) this.#tell();
      last = now;
    }, LOOK);
  }

  #tell() {
    clearTimeout(this.#soon);
    this.#soon = setTimeout(() => this.dispatchEvent(new Event("back")), TOGETHER);
  }
}
