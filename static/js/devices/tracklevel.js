/**
 * How loud a track is, measured in the page.
 */

import { levelOf } from "./levels.js";

/** Reads a microphone's level. Stays silent until the browser allows audio to run (after a first click). */
export class TrackLevel {
  /** @type {AudioContext | null} */ #context = null;
  /** @type {MediaStreamAudioSourceNode | null} */ #source = null;
  /** @type {AnalyserNode | null} */ #analyser = null;
  #samples = new Float32Array(1024);

  /**
   * Listens to this track from now on; null stops.
   *
   * @param {MediaStreamTrack | null} track
   */
  listenTo(track) {
    this.#source?.disconnect();
    this.#source = null;
    if (!track) return;
    this.#context ??= this.#makeContext();
    this.#analyser ??= new AnalyserNode(this.#context, { fftSize: this.#samples.length });
    this.#source = this.#context.createMediaStreamSource(new MediaStream([track]));
    this.#source.connect(this.#analyser);
    this.wake();
  }

  /** To be called when the person clicked: audio may run from then on. */
  wake() {
    const state = /** @type {string | undefined} */ (this.#context?.state); // a phone's may be "interrupted"
    if (state && state !== "running" && state !== "closed") this.#context?.resume().catch(() => undefined);
  }

  /** One that goes on by itself when an interruption is over. */
  #makeContext() {
    const context = new AudioContext();
    context.addEventListener("statechange", () => this.wake());
    return context;
  }

  /** @returns {number} dBFS */
  level() {
    if (!this.#source || !this.#analyser) return -127;
    this.#analyser.getFloatTimeDomainData(this.#samples);
    return levelOf(this.#samples);
  }
}
