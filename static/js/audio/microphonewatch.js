/**
 * Notices when the system takes a microphone away, for a call or for another program, and has it opened anew until there is one.
 */

/** How long a microphone may be silenced without a word about it, in milliseconds. */
const GRACE = 400;

/** How long to wait before each attempt, in milliseconds; the last one again and again. */
const WAITS = [0, 1000, 2000, 4000, 8000];

/**
 * Fires `change` when `interrupted` has changed.
 *
 * A track that the system has silenced (`mute`) gives sound again when the system says so (`unmute`); some never do, and one that has
 * ended never does.
 */
export class MicrophoneWatch extends EventTarget {
  /** Whether nothing comes from the microphone. */
  interrupted = false;

  #open;
  /** @type {MediaStreamTrack | null} */ #track = null;
  #listening = new AbortController();
  #grace = 0;
  #timer = 0;
  #attempt = 0;
  #trying = false;

  /** @param {() => Promise<unknown>} open  opens a microphone, and has it watched; rejects with getUserMedia's error */
  constructor(open) {
    super();
    this.#open = open;
  }

  /** @param {MediaStreamTrack | null} track  the microphone from now on; null for none that is wanted */
  watch(track) {
    this.#listening.abort();
    this.#listening = new AbortController();
    clearTimeout(this.#grace);
    this.#track = track;
    if (!track) return this.#set(false);
    const { signal } = this.#listening;
    track.addEventListener("mute", () => this.#onSilenced(), { signal });
    track.addEventListener("unmute", () => this.#look(), { signal });
    track.addEventListener("ended", () => this.#look(), { signal });
    this.#look();
  }

  /** The page is back, or somebody wants to be heard: now is the time to try. */
  back() {
    if (this.#track === null || this.#sounds()) return;
    this.#attempt = 0;
    this.#set(true);
    void this.#try();
  }

  #sounds() {
    return this.#track?.readyState === "live" && !this.#track.muted;
  }

  #look() {
    clearTimeout(this.#grace);
    if (this.#sounds()) this.#set(false);
    else if (this.#track?.readyState === "ended") this.#interrupt();
    else this.#onSilenced();
  }

  #onSilenced() {
    clearTimeout(this.#grace);
    this.#grace = setTimeout(() => this.#interrupt(), GRACE);
  }

  #interrupt() {
    if (this.#sounds()) return;
    this.#set(true);
    if (!this.#trying && !this.#timer) this.#later();
  }

  #later() {
    clearTimeout(this.#timer);
    const wait = WAITS[Math.min(this.#attempt++, WAITS.length - 1)];
    this.#timer = setTimeout(() => void this.#try(), wait);
  }

  async #try() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    if (this.#trying || !this.interrupted) return;
    this.#trying = true;
    let refused = false;
    try {
      await this.#open();
    } catch (error) {
      refused = /** @type {Error} */ (error).name === "NotAllowedError"; // asking again and again would not help
    } finally {
      this.#trying = false;
    }
    if (this.interrupted && !refused) this.#later();
  }

  /** @param {boolean} interrupted */
  #set(interrupted) {
    if (!interrupted) {
      clearTimeout(this.#timer);
      this.#timer = 0;
      this.#attempt = 0;
    }
    if (interrupted === this.interrupted) return;
    this.interrupted = interrupted;
    this.dispatchEvent(new Event("change"));
  }
}
