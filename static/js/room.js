/**
 * The view in the room: shows a session, and hands it what the person does.
 */

import { invitationAddress } from "./address.js";
import { alert, announce, announceJoined, announceLeft } from "./announce.js";
import { copy } from "./clipboard.js";
import { byId, setText } from "./dom.js";
import { formatDuration } from "./duration.js";
import { listenForKeys } from "./keys.js";
import { headCount } from "./people.js";
import { play } from "./playback.js";
import { QualityView } from "./qualityview.js";
import { Tiles } from "./tiles.js";
import { toast } from "./toast.js";

/** How often our own meter moves, in milliseconds. */
const OWN_METER = 80;

/** Fires `leave`. */
export class RoomView extends EventTarget {
  #view = byId("room-view");
  #title = byId("room-title");
  #banner = byId("banner");
  #bannerButton = byId("banner-button", HTMLButtonElement);
  #mute = byId("mute", HTMLButtonElement);
  #settings = byId("settings-dialog", HTMLDialogElement);
  #tiles = new Tiles(byId("people"));
  #quality = new QualityView();
  #since = 0;
  #clock = 0;
  #ownMeter = 0;
  #pushedToTalk = false;
  /** @type {() => void} */ #stopKeys = () => undefined;
  /** @type {import("./session.js").Session | null} */ #session = null;

  /**
   * @param {() => number} ownLevel  our own level in dBFS
   */
  constructor(ownLevel) {
    super();
    this.ownLevel = ownLevel;
    this.#mute.addEventListener("click", () => this.#toggleMute());
    // A click leaves the focus where it was, so that space goes on to mean push-to-talk.
    this.#mute.addEventListener("mousedown", (event) => event.preventDefault());
    byId("leave").addEventListener("click", () => this.dispatchEvent(new Event("leave")));
    byId("invite").addEventListener("click", () => this.#invite());
    byId("settings").addEventListener("click", () => this.#openSettings());
    byId("settings-close").addEventListener("click", () => this.#settings.close());
    this.#bannerButton.addEventListener("click", () => this.#session?.retry());
    window.addEventListener("online", () => this.#session?.retry());
  }

  /** Seconds since the room was entered. */
  get seconds() {
    return (Date.now() - this.#since) / 1000;
  }

  /**
   * @param {import("./session.js").Session} session
   * @param {string} room
   */
  show(session, room) {
    this.#session = session;
    this.room = room;
    this.#since = Date.now();
    setText(this.#title, room);
    this.#hideBanner();
    this.#showMute();
    this.#listen(session);
    this.#showRoster();
    this.#view.hidden = false;
    this.#title.focus();
    this.#clock = setInterval(() => this.#tickClock(), 1000);
    this.#tickClock();
    this.#ownMeter = setInterval(() => this.#showOwnLevel(), OWN_METER);
    this.#quality.watch(() => session.connection);
    this.#stopKeys = listenForKeys({
      toggleMute: () => this.#toggleMute(),
      talk: () => this.#talk(),
      hush: () => this.#hush(),
    });
  }

  hide() {
    this.#stopKeys();
    this.#session = null;
    clearInterval(this.#clock);
    clearInterval(this.#ownMeter);
    this.#quality.stop();
    this.#settings.close();
    play(null);
    this.#tiles.clear();
    this.#view.hidden = true;
  }

  /** @param {import("./session.js").Session} session */
  #listen(session) {
    const on = (/** @type {string} */ type, /** @type {(detail: any) => void} */ act) =>
      session.addEventListener(type, (event) => {
        if (this.#session === session) act(/** @type {CustomEvent} */ (event).detail);
      });
    on("roster", ({ type, data }) => {
      this.#showRoster();
      this.#tell(type, data);
    });
    on("levels", (levels) => this.#tiles.showLevels(levels, session.canSpeak ? session.ownId : null));
    on("muted", ({ muted, byServer }) => this.#onMuted(muted, byServer));
    on("state", ({ state, before }) => this.#onState(state, before));
    on("remote", (stream) => play(stream));
  }

  #showRoster() {
    const session = this.#session;
    if (!session) return;
    this.#tiles.show(session.roster, session.ownId);
    const count = session.roster.size;
    setText(byId("head-count"), count === 0 ? "" : headCount(count));
    byId("alone").hidden = count !== 1;
    document.title = `${this.room} (${count}) · Conference`;
  }

  /**
   * @param {string} type
   * @param {any} data
   */
  #tell(type, data) {
    if (type === "participant.joined" && data.participant.id !== this.#session?.ownId) announceJoined(data.participant.name);
    if (type === "participant.left" && data.participant.id !== this.#session?.ownId) announceLeft(data.participant.name);
  }

  /**
   * @param {import("./session.js").State} state
   * @param {import("./session.js").State} before
   */
  #onState(state, before) {
    if (state === "reconnecting") {
      this.#showBanner("Connection lost. Reconnecting…", "wait");
      alert("Connection lost. Reconnecting…");
    } else if (state === "here" && before === "reconnecting") {
      this.#hideBanner();
      toast("You are back.");
    } else if (state === "gone") {
      const sentence = "The connection could not be restored. Check your network.";
      this.#showBanner(sentence, "stop");
      alert(sentence);
      this.#bannerButton.focus();
    }
  }

  /**
   * @param {string} sentence
   * @param {"wait" | "stop"} tone
   */
  #showBanner(sentence, tone) {
    setText(byId("banner-text"), sentence);
    if (tone === "wait" && document.activeElement === this.#bannerButton) this.#title.focus();
    this.#bannerButton.hidden = tone !== "stop";
    this.#banner.dataset.tone = tone;
    this.#banner.hidden = false;
    this.#view.classList.add("is-offline");
  }

  #hideBanner() {
    if (document.activeElement === this.#bannerButton) this.#title.focus();
    this.#banner.hidden = true;
    this.#view.classList.remove("is-offline");
  }

  #toggleMute() {
    const session = this.#session;
    if (!session?.canSpeak) return;
    this.#pushedToTalk = false;
    session.setMuted(!session.muted);
  }

  /** @returns {boolean} */
  #talk() {
    if (!this.#session?.canSpeak || !this.#session.muted) return false;
    this.#pushedToTalk = true;
    this.#session.setMuted(false);
    return true;
  }

  #hush() {
    if (!this.#pushedToTalk) return;
    this.#pushedToTalk = false;
    this.#session?.setMuted(true);
    this.#showMute();
  }

  /**
   * @param {boolean} muted
   * @param {boolean} byServer
   */
  #onMuted(muted, byServer) {
    this.#showMute();
    if (byServer) {
      toast("You were muted.");
    } else if (!this.#pushedToTalk) {
      announce(muted ? "Muted" : "Unmuted");
    }
  }

  #showMute() {
    const session = this.#session;
    const muted = session?.muted ?? false;
    const canSpeak = session?.canSpeak ?? false;
    this.#mute.disabled = !canSpeak;
    this.#mute.classList.toggle("is-muted", muted);
    this.#mute.classList.toggle("is-held", this.#pushedToTalk);
    setText(byId("mute-label"), muted ? "Unmute" : "Mute");
    byId("mute-icon").setAttribute("href", muted || !canSpeak ? "#icon-mic-off" : "#icon-mic");
    byId("keys-hint").hidden = !canSpeak;
  }

  /** Called when a microphone was plugged into somebody who only listened. */
  microphoneChanged() {
    this.#showMute();
  }

  #showOwnLevel() {
    const session = this.#session;
    if (!session?.ownId || !session.canSpeak || document.hidden) return;
    this.#tiles.showLevel(session.ownId, session.muted ? -127 : this.ownLevel());
  }

  #tickClock() {
    setText(byId("duration"), formatDuration(this.seconds));
  }

  async #invite() {
    const address = invitationAddress(location.origin, this.room ?? "");
    toast((await copy(address)) ? "Invitation link copied." : `The invitation link is ${address}`);
  }

  #openSettings() {
    byId("settings-devices").append(byId("devices"));
    this.#settings.showModal();
  }
}
