/**
 * The space that people are shown in: keeps their arrangement in step with its size and with how many they are.
 */

import { byId } from "../page/dom.js";
import { arrange } from "./layout.js";

export class Stage {
  #stage = byId("stage");
  #list = byId("people");
  #remark = byId("alone");
  #count = 0;

  constructor() {
    // Of its border box, which no scrollbar changes: what is arranged must not depend on how it was arranged before.
    new ResizeObserver(() => this.#arrange()).observe(this.#stage, { box: "border-box" });
  }

  /** @param {number} count  of people */
  show(count) {
    this.#count = count;
    this.#arrange();
  }

  #arrange() {
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const { width, height } = this.#space();
    if (this.#count === 0 || width <= 0) return;
    const shape = arrange(this.#count, width / rem, height / rem);
    this.#list.dataset.look = shape.look;
    this.#list.style.setProperty("--columns", String(shape.columns));
    for (const length of /** @type {const} */ (["width", "height", "gap"])) {
      this.#list.style.setProperty(`--tile-${length}`, `${Math.floor(shape[length] * 100) / 100}rem`);
    }
    // What scrolls must be within reach of the keyboard, and what does not should not be in its way.
    if (this.#stage.scrollHeight > this.#stage.clientHeight) this.#stage.tabIndex = 0;
    else this.#stage.removeAttribute("tabindex");
  }

  /** What is left for people, in pixels. */
  #space() {
    const style = getComputedStyle(this.#stage);
    const remark = this.#remark.hidden ? 0 : this.#remark.offsetHeight + parseFloat(style.rowGap);
    return {
      width: this.#stage.offsetWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight),
      height: this.#stage.offsetHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom) - remark,
    };
  }
}
