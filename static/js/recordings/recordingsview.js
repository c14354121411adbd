/**
 * The recordings of a room, for those who may record it: a dialog that begins and ends one, lists them, and plays one with a
 * lane for each person.
 */

import { attempt } from "../page/attempt.js";
import { confirmed } from "../page/confirm.js";
import { byId, closeOnClick, make, setText } from "../page/dom.js";
import { dayAndTime, formatDuration } from "../page/time.js";
import { may } from "../room/rights.js";
import { text } from "../texts/texts.js";
import { recordingState } from "../words/recordingstate.js";
import { saidAt, timelineOf } from "./lanes.js";
import { Recordings } from "./recordings.js";

/** @typedef {import("./recordings.js").Recording} Recording */

/** Where the dialog looks again while files are being made, in milliseconds. */
const LOOK_AGAIN = 2000;

export class RecordingsView {
  #dialog = byId("recordings-dialog", HTMLDialogElement);
  #opener = byId("recordings");
  #audio = byId("recording-audio", HTMLAudioElement);
  #lanes = byId("recording-lanes");
  #captions = byId("recording-captions");
  /** @type {readonly import("./lanes.js").Said[]} */ #said = [];
  /** @type {import("../call/session.js").Session | null} */ #session = null;
  /** @type {Recordings | null} */ #recordings = null;
  /** @type {string | null} */ #playing = null;
  #allowed = false;
  #asked = false;
  #timer = 0;

  constructor() {
    this.#opener.addEventListener("click", () => void this.open());
    closeOnClick(this.#dialog, byId("recordings-close"));
    this.#dialog.addEventListener("close", () => this.#stopPlaying());
    byId("record-start").addEventListener("click", () => void this.#do((recordings) => recordings.start()));
    byId("record-pause").addEventListener("click", () => void this.#turn("paused"));
    byId("record-resume").addEventListener("click", () => void this.#turn("recording"));
    byId("record-stop").addEventListener("click", () => void this.#turn("stopped"));
    this.#audio.addEventListener("timeupdate", () => this.#showPlace());
    this.#lanes.addEventListener("click", (event) => this.#goTo(event));
  }

  /** @param {import("../call/session.js").Session} session */
  start(session) {
    this.#session = session;
    this.#recordings = new Recordings(session.client, session.room);
    this.#allowed = this.#asked = false;
    this.#opener.hidden = true;
  }

  /** Shows what has changed meanwhile. */
  renew() {
    const session = this.#session;
    if (!session) return;
    const wanted = may(session.access, "record") && !session.waiting;
    if (wanted && !this.#asked) void this.#ask();
    this.#opener.hidden = !(wanted && this.#allowed);
    if (!wanted && this.#dialog.open) this.#dialog.close();
    if (this.#dialog.open) this.#showControls();
  }

  async open() {
    this.#showControls();
    this.#dialog.showModal();
    await this.#list();
  }

  /** Asks once whether this server keeps recordings at all. */
  async #ask() {
    this.#asked = true;
    const answer = await this.#recordings?.list().catch(() => null);
    this.#allowed = Boolean(answer && (answer.record !== "off" || answer.recordings.length > 0));
    byId("record-controls").hidden = answer?.record === "off";
    this.renew();
  }

  #showControls() {
    const state = this.#session?.roomState.recording?.state;
    byId("record-start").hidden = state !== undefined;
    byId("record-pause").hidden = state !== "recording";
    byId("record-resume").hidden = state !== "paused";
    byId("record-stop").hidden = state === undefined;
  }

  async #list() {
    clearTimeout(this.#timer);
    const answer = await attempt(this.#recordings?.list() ?? Promise.resolve(undefined));
    if (!answer || !this.#dialog.open) return;
    byId("recordings-none").hidden = answer.recordings.length > 0;
    byId("recordings-list").replaceChildren(...answer.recordings.map((one) => this.#item(one)));
    if (answer.recordings.some((one) => one.state === "finishing" || one.state === "recording")) {
      this.#timer = setTimeout(() => void (this.#dialog.open && this.#list()), LOOK_AGAIN);
    }
  }

  /** @param {Recording} recording */
  #item(recording) {
    const item = make("li");
    const { state } = recording;
    const shown = dayAndTime(recording.started_at);
    const facts = [formatDuration(recording.seconds), recordingState(state), state === "failed" ? recording.reason : ""];
    const about = make("div", "recording-about");
    about.append(make("span", "recording-began", shown), make("span", "hint", facts.filter(Boolean).join(" · ")));
    item.append(about);
    if (recording.state === "ready") {
      const mix = recording.files.find((file) => file.name === "mix.opus");
      if (mix) item.append(this.#button("play", shown, () => void this.#play(recording)));
      for (const file of recording.files.filter((one) => one.name === "recording.mka")) item.append(this.#download(recording, file.name, shown));
    }
    if (recording.state === "ready" || recording.state === "failed") {
      const remove = this.#button("delete", shown, () => void this.#remove(recording));
      remove.classList.add("danger");
      item.append(remove);
    }
    return item;
  }

  /**
   * @param {"play" | "delete"} what
   * @param {string} time  when the recording began
   * @param {() => void} act
   */
  #button(what, time, act) {
    const button = make("button", "quiet", text(`recordings.${what}`));
    button.type = "button";
    button.setAttribute("aria-label", text(`recordings.${what}-of`, { time }));
    button.addEventListener("click", act);
    return button;
  }

  /**
   * @param {Recording} recording
   * @param {string} name
   * @param {string} time
   */
  #download(recording, name, time) {
    const link = make("a", "quiet as-button", text("recordings.download"));
    link.href = this.#recordings?.address(recording.id, name) ?? "";
    link.download = `${recording.room}-${recording.id}.mka`;
    link.setAttribute("aria-label", text("recordings.download-of", { time }));
    return link;
  }

  /** @param {Recording} recording */
  async #play(recording) {
    const recordings = this.#recordings;
    if (!recordings) return;
    this.#playing = recording.id;
    this.#audio.src = recordings.address(recording.id, "mix.opus");
    byId("recording-player").hidden = false;
    void this.#audio.play().catch(() => undefined);
    const events = await attempt(recordings.text(recording.id, "events.jsonl"));
    if (events === undefined || this.#playing !== recording.id) return;
    const { lanes, pauses, said } = timelineOf(events, recording.seconds);
    this.#said = said;
    this.#captions.hidden = said.length === 0;
    const part = (/** @type {[number, number]} */ [from, to], /** @type {string} */ kind) => {
      const element = make("i", kind);
      element.style.left = `${(100 * from) / recording.seconds}%`;
      element.style.width = `${(100 * (to - from)) / recording.seconds}%`;
      return element;
    };
    this.#lanes.dataset.seconds = String(recording.seconds);
    this.#lanes.replaceChildren(
      ...lanes.map((lane) => {
        const row = make("li");
        const track = make("div", "lane");
        track.append(...pauses.map((one) => part(one, "lane-pause")), ...lane.spurts.map((one) => part(one, "lane-talk")));
        row.append(make("span", "lane-name", lane.name), track);
        return row;
      }),
    );
    this.#showPlace();
  }

  #showPlace() {
    const seconds = Number(this.#lanes.dataset.seconds) || 1;
    this.#lanes.style.setProperty("--place", String(Math.min(1, this.#audio.currentTime / seconds)));
    const lines = saidAt(this.#said, this.#audio.currentTime).map((one) => {
      const line = make("p");
      line.append(make("b", "", one.name), ` ${one.text}`);
      return line;
    });
    this.#captions.replaceChildren(...lines);
  }

  /** @param {MouseEvent} event */
  #goTo(event) {
    const lane = event.target instanceof Element ? event.target.closest(".lane") : null;
    if (!lane) return;
    const box = lane.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    this.#audio.currentTime = share * (Number(this.#lanes.dataset.seconds) || 0);
  }

  #stopPlaying() {
    clearTimeout(this.#timer);
    this.#playing = null;
    this.#audio.pause();
    this.#audio.removeAttribute("src");
    byId("recording-player").hidden = true;
    this.#lanes.replaceChildren();
    this.#said = [];
    this.#captions.hidden = true;
  }

  /** @param {Recording} recording */
  async #remove(recording) {
    if (!(await confirmed(text("recordings.delete-title"), text("recordings.delete-text"), text("recordings.delete-yes")))) return;
    if (this.#playing === recording.id) this.#stopPlaying();
    await this.#do((recordings) => recordings.remove(recording.id));
  }

  /** @param {"recording" | "paused" | "stopped"} state */
  async #turn(state) {
    const going = this.#session?.roomState.recording;
    if (going) await this.#do((recordings) => recordings.turn(going.id, state));
  }

  /** @param {(recordings: Recordings) => Promise<unknown>} act */
  async #do(act) {
    if (this.#recordings) await attempt(act(this.#recordings));
    if (this.#dialog.open) await this.#list();
  }
}
