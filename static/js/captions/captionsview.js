/**
 * What is said, in words, under the people: as long as the room has captions, and for whoever wants to see them.
 *
 * What is understood so far is only shown; what is understood for good is read out by screen readers, too.
 */

import { byId, make } from "../page/dom.js";
import { recall, remember } from "../page/memory.js";
import { toast } from "../page/toast.js";
import { text } from "../texts/texts.js";
import { withCaption, withCaptions } from "./captionlines.js";

export class CaptionsView {
  #panel = byId("captions");
  #list = byId("captions-log");
  #button = byId("captions-open", HTMLButtonElement);
  /** @type {readonly import("./captionlines.js").Caption[]} */ #lines = [];
  /** @type {Map<string, {line: import("./captionlines.js").Caption, element: HTMLElement}>} */ #shown = new Map();
  /** @type {import("../call/session.js").Session | null} */ #session = null;
  /** Whether the room has captions, as far as was told. */
  #on = false;

  constructor() {
    this.#button.addEventListener("click", () => this.#switch());
  }

  /** @param {import("../call/session.js").Session} session */
  start(session) {
    this.#session = session;
    this.#lines = [];
    this.#on = false;
    this.#show();
    this.renew();
  }

  /** Shows whether there are captions now, and says so when that has changed. */
  renew() {
    const session = this.#session;
    if (!session) return;
    const on = session.roomState.policy.captions;
    byId("captioned").hidden = !on;
    this.#button.hidden = !on || session.waiting;
    const wanted = recall("captions") !== "off";
    this.#button.setAttribute("aria-expanded", String(wanted));
    this.#panel.hidden = this.#button.hidden || !wanted;
    if (on === this.#on) return;
    this.#on = on;
    toast(text(on ? "captions.on" : "captions.off"));
    if (on) void this.catchUp();
  }

  /** Asks for what was said while nobody told us. */
  async catchUp() {
    const session = this.#session;
    if (!session || !this.#on || session.waiting) return;
    const { captions } = await session.client.get(`${session.client.room}/captions`).catch(() => ({ captions: [] }));
    if (this.#session !== session) return;
    this.#lines = withCaptions(this.#lines, captions);
    this.#show();
  }

  /** @param {import("./captionlines.js").Caption} caption */
  show(caption) {
    const lines = withCaption(this.#lines, caption);
    if (lines === this.#lines) return;
    this.#lines = lines;
    this.#show();
  }

  #switch() {
    remember("captions", this.#panel.hidden ? "on" : "off");
    this.renew();
    this.#list.scrollTop = this.#list.scrollHeight;
  }

  #show() {
    const atEnd = this.#list.scrollHeight - this.#list.scrollTop - this.#list.clientHeight < 40;
    const gone = new Map(this.#shown);
    /** @type {Element | null} */ let before = null;
    for (const line of this.#lines) {
      gone.delete(line.id);
      const element = this.#elementOf(line);
      /** @type {Element | null} */
      const place = before ? before.nextElementSibling : this.#list.firstElementChild;
      if (place !== element) this.#list.insertBefore(element, place);
      before = element;
    }
    for (const [id, { element }] of gone) {
      element.remove();
      this.#shown.delete(id);
    }
    if (atEnd) this.#list.scrollTop = this.#list.scrollHeight;
  }

  /**
   * The element of a line, which is another one when the line is final: an addition is read out, a change is not.
   *
   * @param {import("./captionlines.js").Caption} line
   */
  #elementOf(line) {
    const known = this.#shown.get(line.id);
    if (known && known.line === line) return known.element;
    if (known && !line.final) {
      const words = known.element.lastElementChild;
      if (words) words.textContent = line.text;
      known.line = line;
      return known.element;
    }
    const element = make("li", "caption");
    if (!line.final) element.setAttribute("aria-hidden", "true");
    element.append(make("span", "caption-name", line.name), " ", make("span", "", line.text));
    known?.element.replaceWith(element);
    this.#shown.set(line.id, { line, element });
    return element;
  }
}
