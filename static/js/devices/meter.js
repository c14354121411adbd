/**
 * A level meter that moves without layout: only a transform changes.
 */

import { fullness } from "./levels.js";

/** How often the level is read, in milliseconds. */
const INTERVAL = 60;

/** Draws a level that falls more slowly than it rises, so that the eye can follow. */
export class Meter {
  #fill;
  #read;
  #shown = 0;
  #timer = 0;

  /**
   * @param {HTMLElement} fill  the element to scale
   * @param {() => number} read  gives the level in dBFS
   */
  constructor(fill, read) {
    this.#fill = fill;
    this.#read = read;
  }

  start() {
    this.stop();
    this.#timer = setInterval(() => this.#draw(), INTERVAL);
  }

  stop() {
    clearInterval(this.#timer);
    this.#show(0);
  }

  #draw() {
    if (document.hidden) return;
    this.#show(Math.max(fullness(this.#read()), this.#shown - 0.06));
  }

  /** @param {number} value */
  #show(value) {
    if (Math.abs(value - this.#shown) < 0.005 && value !== 0) return;
    this.#shown = value;
    this.#fill.style.transform = `scaleX(${value.toFixed(3)})`;
  }
}
