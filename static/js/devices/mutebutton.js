/**
 * The button that mutes and unmutes, and says why where it cannot.
 */

import { announce } from "../page/announce.js";
import { byId, setText } from "../page/dom.js";
import { toast } from "../page/toast.js";
import { byWhom } from "../words/actors.js";
import { text } from "../texts/texts.js";

export class MuteButton {
  #button = byId("mute", HTMLButtonElement);
  #pushedToTalk = false;
  /** @type {import("../call/session.js").Session | null} */ #session = null;

  constructor() {
    this.#button.addEventListener("click", () => this.toggle());
    // A click leaves the focus where it was, so that space goes on to mean push-to-talk.
    this.#button.addEventListener("mousedown", (event) => event.preventDefault());
  }

  /** @param {import("../call/session.js").Session | null} session */
  start(session) {
    this.#session = session;
    this.#pushedToTalk = false;
    this.show();
  }

  toggle() {
    const session = this.#session;
    if (!session?.canSpeak) return;
    this.#pushedToTalk = false;
    if (session.muted && session.silenced) toast(text("mute.only-a-host", { who: this.#by(session) }));
    else session.setMuted(!session.muted);
  }

  /**
   * Talks for as long as a key is held.
   *
   * @returns {boolean}  whether there is anything to start
   */
  talk() {
    const session = this.#session;
    if (!session?.canSpeak || !session.muted || session.silenced) return false;
    this.#pushedToTalk = true;
    session.setMuted(false);
    return true;
  }

  hush() {
    if (!this.#pushedToTalk) return;
    this.#pushedToTalk = false;
    this.#session?.setMuted(true);
    this.show();
  }

  /**
   * @param {boolean} muted
   * @param {boolean} byServer
   */
  changed(muted, byServer) {
    this.show();
    const session = this.#session;
    if (byServer && session) toast(session.own?.muted_by ? this.#why(session) : text("mute.was-muted"));
    else if (!session?.listens) announce(text(muted ? "mute.now-muted" : this.#pushedToTalk ? "mute.now-talking" : "mute.now-unmuted"));
  }

  show() {
    const session = this.#session;
    const muted = session?.muted ?? false;
    const canSpeak = session?.canSpeak ?? false;
    const silenced = Boolean(muted && session?.silenced);
    this.#button.hidden = session?.listens ?? false;
    this.#button.disabled = !canSpeak;
    this.#button.title = !canSpeak ? text("mute.no-microphone") : silenced && session ? this.#why(session) : "";
    this.#button.setAttribute("aria-disabled", String(silenced));
    this.#button.classList.toggle("is-muted", muted);
    this.#button.classList.toggle("is-silenced", silenced);
    this.#button.classList.toggle("is-held", this.#pushedToTalk);
    const now = muted ? "unmute" : "mute";
    setText(byId("mute-label"), text(silenced ? "mute.muted" : `mute.${now}`));
    setText(byId("mute-by"), silenced && session ? text("mute.muted-by", { who: this.#by(session) }) : text(`mute.${now}-rest`));
    byId("mute-icon").setAttribute("href", muted || !canSpeak ? "#icon-mic-off" : "#icon-mic");
    byId("keys-hint").hidden = !canSpeak || silenced;
  }

  /** @param {import("../call/session.js").Session} session */
  #why(session) {
    return text("mute.was-muted-by", { who: this.#by(session) });
  }

  /** @param {import("../call/session.js").Session} session */
  #by(session) {
    return byWhom(session.own?.muted_by, session.roster, session.ownId);
  }
}
