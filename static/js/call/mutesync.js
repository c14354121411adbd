/**
 * One mute, known in two places: here and at the server. The last word of the person here wins; a mute set by the
 * server is taken over; nothing but the person here ever *un*mutes.
 */

/** Events this soon after our own change may still tell of the one before it, in milliseconds. */
const ECHO_TIME = 1000;

export class MuteSync {
  muted = false;

  #send;
  #apply;
  /** What the server was last known to hold. */ #atServer = false;
  #sending = false;
  #changedAt = -Infinity;
  #timer = 0;

  /**
   * @param {(muted: boolean) => Promise<unknown>} send  tells the server
   * @param {(muted: boolean, byServer: boolean) => void} apply  does it here
   */
  constructor(send, apply) {
    this.#send = send;
    this.#apply = apply;
  }

  /**
   * The person here decides.
   *
   * @param {boolean} muted
   */
  set(muted) {
    if (muted === this.muted) return;
    this.muted = muted;
    this.#changedAt = performance.now();
    this.#apply(muted, false);
    void this.#tell();
  }

  /**
   * The server says how it is.
   *
   * @param {boolean} muted
   */
  heard(muted) {
    this.#atServer = muted;
    clearTimeout(this.#timer);
    if (muted === this.muted) return;
    const wait = this.#sending ? ECHO_TIME : this.#changedAt + ECHO_TIME - performance.now();
    if (wait > 0) this.#timer = setTimeout(() => this.heard(this.#atServer), wait);
    else if (muted) this.#mutedByServer();
    else void this.#tell();
  }

  /** A new connection: the server may have forgotten. */
  reassert() {
    this.#apply(this.muted, false);
    if (this.muted) void this.#tell();
  }

  #mutedByServer() {
    this.muted = true;
    this.#apply(true, true);
  }

  /** One request at a time, so that the last one sent is the last one heard. */
  async #tell() {
    if (this.#sending) return;
    this.#sending = true;
    let told;
    try {
      do {
        told = this.muted;
        await this.#send(told);
      } while (told !== this.muted);
    } catch (error) {
      // Somebody muted us at the same moment. Whatever else it is, reassert() will say it again.
      if (!told && /** @type {any} */ (error)?.status === 403) this.#mutedByServer();
    } finally {
      this.#sending = false;
    }
  }
}
