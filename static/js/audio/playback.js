/**
 * Plays what the others say in an audio element, and goes on after whatever has stopped it.
 */

/** Fires `blocked` where the browser wants a tap first, and `playing`. */
export class Playback extends EventTarget {
  #element;
  #listening = new AbortController();

  /** @param {HTMLAudioElement} element */
  constructor(element) {
    super();
    this.#element = element;
    // A call that comes in pauses the page's sound, and nobody lets it go on.
    element.addEventListener("pause", () => void this.resume(), { signal: this.#listening.signal });
  }

  /** Gives the element back: it is silent, and whoever pauses it from now on means it. */
  stop() {
    this.#listening.abort();
    this.#element.srcObject = null;
  }

  /** @param {MediaStream | null} stream */
  async play(stream) {
    this.#element.srcObject = stream;
    if (stream) await this.resume();
    else this.dispatchEvent(new Event("playing"));
  }

  /** Plays if there is anything to play, and it has stopped. */
  async resume() {
    if (!this.#element.srcObject) return;
    try {
      await this.#element.play();
      this.dispatchEvent(new Event("playing"));
    } catch (error) {
      // AbortError: another stream took its place meanwhile
      if (/** @type {Error} */ (error).name === "NotAllowedError") this.dispatchEvent(new Event("blocked"));
    }
  }
}
