/**
 * The button that mutes and unmutes, and says why where it cannot.
 */

import { announce } from "../page/announce.js";
import { byId, setText } from "../page/dom.js";
import { toast } from "../page/toast.js";
import { byWhom } from "../room/actors.js";

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
    if (session.muted && session.silenced) toast(`${this.#why(session)}: only a host can let you speak again.`);
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
    if (byServer && session) toast(session.own?.muted_by ? `${this.#why(session)}.` : "You were muted. Unmute to speak.");
    else if (!session?.listens) announce(muted ? "Muted" : this.#pushedToTalk ? "Talking" : "Unmuted");
  }

  show() {
    const session = this.#session;
    const muted = session?.muted ?? false;
    const canSpeak = session?.canSpeak ?? false;
    const silenced = Boolean(muted && session?.silenced);
    this.#button.hidden = session?.listens ?? false;
    this.#button.disabled = !canSpeak;
    this.#button.title = !canSpeak ? "No microphone: choose one in the settings" : silenced && session ? this.#why(session) : "";
    this.#button.setAttribute("aria-disabled", String(silenced));
    this.#button.classList.toggle("is-muted", muted);
    this.#button.classList.toggle("is-silenced", silenced);
    this.#button.classList.toggle("is-held", this.#pushedToTalk);
    const by = silenced && session ? ` by ${byWhom(session.own?.muted_by, session.roster, session.ownId)}` : "";
    setText(byId("mute-label"), by ? "Muted" : muted ? "Unmute" : "Mute");
    setText(byId("mute-by"), by);
    byId("mute-icon").setAttribute("href", muted || !canSpeak ? "#icon-mic-off" : "#icon-mic");
    byId("keys-hint").hidden = !canSpeak || silenced;
  }

  /** @param {import("../call/session.js").Session} session */
  #why(session) {
    return `You were muted by ${byWhom(session.own?.muted_by, session.roster, session.ownId)}`;
  }
}
