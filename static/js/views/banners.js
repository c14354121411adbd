/**
 * What stands above the people for as long as it matters: the connection, what was decided about ourselves, what we are asked.
 */

import { alert } from "../page/announce.js";
import { byId, setText } from "../page/dom.js";
import { timeOfDay } from "../page/time.js";
import { text } from "../texts/texts.js";

/** Fires `retry`, `again`, `hear`, `speak` and `yes`, each when its button is pressed. */
export class Banners extends EventTarget {
  #view = byId("room-view");
  #title = byId("room-title");
  #banner = byId("banner");
  #button = byId("banner-button", HTMLButtonElement);
  #draining = byId("draining");
  #asked = byId("asked");
  #ownStatus = byId("own-status");
  #remedy = byId("own-status-button", HTMLButtonElement);

  constructor() {
    super();
    this.#button.addEventListener("click", () => this.dispatchEvent(new Event("retry")));
    this.#remedy.addEventListener("click", () => this.dispatchEvent(new Event(this.#remedy.value)));
    byId("interrupted-button").addEventListener("click", () => this.dispatchEvent(new Event("again")));
    byId("asked-yes").addEventListener("click", () => {
      this.hideAsked();
      this.dispatchEvent(new Event("yes"));
    });
    byId("asked-no").addEventListener("click", () => this.hideAsked());
  }

  /** Takes all of them away. */
  clear() {
    this.hideConnection();
    this.hideDraining();
    this.hideAsked();
    this.interrupted(false);
    this.showOwnStatus(null);
  }

  /** @param {boolean} interrupted  whether the system has taken the microphone away */
  interrupted(interrupted) {
    const banner = byId("interrupted");
    if (interrupted && banner.hidden) alert(text("banner.interrupted"));
    if (!interrupted && banner.contains(document.activeElement)) this.#title.focus();
    banner.hidden = !interrupted;
  }

  reconnecting() {
    this.#showConnection(text("banner.lost"), "wait");
  }

  /** @param {string} trouble  why; empty if the network is to blame */
  gone(trouble) {
    this.#showConnection(trouble || text("banner.gone"), "stop");
    this.#button.focus();
  }

  expired() {
    this.#showConnection(text("banner.expired"), "stop");
    this.#button.hidden = true; // trying again does not help
  }

  /** @param {number | null} endsAt  unix time in seconds at which the server ends in any case */
  draining(endsAt) {
    const sentence = endsAt === null ? text("banner.draining") : text("banner.draining-until", { time: timeOfDay(endsAt) });
    setText(byId("draining-text"), sentence);
    this.#draining.hidden = false;
    alert(sentence);
  }

  hideDraining() {
    this.#draining.hidden = true;
  }

  hideConnection() {
    if (document.activeElement === this.#button) this.#title.focus();
    this.#banner.hidden = true;
    this.#view.classList.remove("is-offline");
  }

  /**
   * @param {string} sentence
   * @param {string} yes
   * @param {string} no
   */
  ask(sentence, yes, no) {
    setText(byId("asked-text"), sentence);
    setText(byId("asked-yes"), yes);
    setText(byId("asked-no"), no);
    this.#asked.hidden = false;
    alert(sentence);
  }

  hideAsked() {
    if (this.#asked.contains(document.activeElement)) this.#title.focus();
    this.#asked.hidden = true;
  }

  /**
   * @param {import("../words/ownstatus.js").OwnStatus | null} ownStatus
   */
  showOwnStatus(ownStatus) {
    const remedy = ownStatus?.remedy ?? null;
    if (!remedy && document.activeElement === this.#remedy) this.#title.focus();
    if (ownStatus && this.#ownStatus.hidden) alert(ownStatus.text);
    setText(byId("own-status-text"), ownStatus?.text ?? "");
    this.#ownStatus.hidden = ownStatus === null;
    this.#remedy.hidden = remedy === null;
    this.#remedy.value = remedy ?? "";
    setText(this.#remedy, remedy ? text(`own.${remedy}`) : "");
  }

  /**
   * @param {string} sentence
   * @param {"wait" | "stop"} tone
   */
  #showConnection(sentence, tone) {
    setText(byId("banner-text"), sentence);
    if (tone === "wait" && document.activeElement === this.#button) this.#title.focus();
    this.#button.hidden = tone !== "stop";
    this.#banner.dataset.tone = tone;
    this.#banner.hidden = false;
    this.#view.classList.add("is-offline");
    alert(sentence);
  }
}
