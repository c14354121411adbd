/**
 * The choice of microphone and speaker, with a live level. One panel, shown before joining and in the room.
 */

import * as microphone from "../audio/microphone.js";
import { MicrophoneWatch } from "../audio/microphonewatch.js";
import { byId, make, setText } from "../page/dom.js";
import { recall, remember } from "../page/memory.js";
import { text } from "../texts/texts.js";
import { Meter } from "./meter.js";
import { microphoneProblem } from "./problems.js";
import { TrackLevel } from "./tracklevel.js";

/** Fires `track` (a CustomEvent with the microphone's new track), `interrupted` (whether the system has taken it away) and `problem` (with a sentence). */
export class Devices extends EventTarget {
  #choice = byId("microphone", HTMLSelectElement);
  #speaker = byId("speaker", HTMLSelectElement);
  #original = byId("original-sound", HTMLInputElement);
  #test = byId("mic-test", HTMLButtonElement);
  #hint = byId("mic-hint");
  #audio = byId("remote", HTMLAudioElement);
  #trackLevel = new TrackLevel();
  #meter = new Meter(/** @type {HTMLElement} */ (document.querySelector("#mic-meter .meter-fill")), () => this.level());
  /** @type {Promise<MediaStreamTrack | null> | null} */ #opening = null;
  /** How often the microphone was put away: what was asked for before that is not wanted any more. */
  #releases = 0;

  #allowed = false;
  #watch = new MicrophoneWatch(() => this.#again());

  /** @type {MediaStreamTrack | null} */ track = null;

  /** @param {boolean} processing  whether the browser may process the microphone's sound */
  constructor(processing) {
    super();
    this.#original.checked = !processing;
    byId("speaker-field").hidden = !microphone.canChooseSpeaker();
    this.#choice.addEventListener("change", () => this.#onChoice());
    this.#original.addEventListener("change", () => this.#reopen());
    this.#speaker.addEventListener("change", () => this.#chooseSpeaker(this.#speaker.value));
    this.#test.addEventListener("click", () => this.#reopen());
    navigator.mediaDevices?.addEventListener?.("devicechange", () => void this.#onDevices());
    this.#watch.addEventListener("change", () => this.#onInterruption());
    document.addEventListener("pointerdown", () => this.#trackLevel.wake());
    document.addEventListener("keydown", () => this.#trackLevel.wake());
  }

  /** Fills the lists, and gives the panel the shape it keeps: nothing moves under somebody's finger later. */
  async prepare() {
    await this.#refresh();
    const missing = !microphone.capabilities().microphone;
    this.#choice.disabled = missing;
    this.#allowed = !missing && (await microphone.alreadyAllowed());
    if (!missing && !this.#allowed) this.#invite();
  }

  /** Turns the microphone on if that needs no question. */
  async start() {
    if (this.#allowed) await this.#reopen();
  }

  /** Whether the browser processes the microphone's sound. */
  get processing() {
    return !this.#original.checked;
  }

  /** Whether the microphone can be turned on without a question. */
  get allowed() {
    return this.#allowed;
  }

  /** Whether the person chose to listen only. */
  get listenOnly() {
    return this.#choice.value === microphone.NO_MICROPHONE || !microphone.capabilities().microphone;
  }

  /** Our own level in dBFS. */
  level() {
    return this.#trackLevel.level();
  }

  /** The page was stopped for a while: what has ended is begun anew. */
  back() {
    this.#trackLevel.wake();
    this.#watch.back();
  }

  /** Chooses to listen only. */
  chooseNone() {
    this.#choice.value = microphone.NO_MICROPHONE;
    this.release();
  }

  /** Takes the choice to listen only back. */
  chooseAny() {
    if (this.#choice.value === microphone.NO_MICROPHONE) this.#choice.value = "";
  }

  /**
   * The microphone, turned on. Rejects with getUserMedia's error.
   *
   * @returns {Promise<MediaStreamTrack | null>}  null if the person only listens
   */
  async open() {
    this.#trackLevel.wake();
    if (this.listenOnly) return null;
    if (this.#opening) return this.#opening;
    if (this.track?.readyState === "live") return this.track;
    return this.#openChosen();
  }

  /** Turns the microphone off, also one that is just being turned on: the browser's red light goes out. */
  release() {
    this.#releases++;
    this.#opening = null;
    this.#drop();
  }

  /**
   * Turns the chosen microphone on, after whichever is just being turned on: the last choice wins.
   *
   * @returns {Promise<MediaStreamTrack | null>}  null if it was put away meanwhile
   */
  #openChosen() {
    const before = this.#opening?.catch(() => undefined);
    const releases = this.#releases;
    const opening = Promise.resolve(before).then(() => this.#openNow(() => releases === this.#releases));
    this.#opening = opening;
    const done = () => {
      if (this.#opening === opening) this.#opening = null;
    };
    opening.then(done, done);
    return opening;
  }

  /**
   * @param {() => boolean} wanted  whether it was not put away meanwhile
   * @returns {Promise<MediaStreamTrack | null>}
   */
  async #openNow(wanted) {
    if (!wanted()) return null;
    const processing = !this.#original.checked;
    const track = await microphone.openMicrophone(this.#choice.value, processing).catch((error) => {
      // A remembered microphone that is no longer there: any other will do.
      if (error.name === "OverconstrainedError") return microphone.openMicrophone("", processing);
      throw error;
    });
    if (!wanted()) {
      track.stop();
      return null;
    }
    this.#take(track);
    await this.#refresh();
    return track;
  }

  /** @param {MediaStreamTrack} track */
  #take(track) {
    this.track?.stop();
    this.track = track;
    this.#watch.watch(track);
    this.#trackLevel.listenTo(track);
    this.#meter.start();
    this.#test.hidden = true;
    this.#hint.hidden = true;
    this.dispatchEvent(new CustomEvent("track", { detail: track }));
  }

  #drop() {
    this.#watch.watch(null);
    this.#trackLevel.listenTo(null);
    this.#meter.stop();
    this.track?.stop();
    this.track = null;
  }

  /** Opens a microphone in place of one that was taken away: the chosen one if it is there, else the browser's own choice. */
  async #again() {
    if (this.listenOnly || this.#opening) return;
    await this.#openChosen().catch((error) => {
      if (error.name === "NotAllowedError") this.#problem(microphoneProblem(error)); // it is not tried again
      throw error;
    });
  }

  #onInterruption() {
    this.dispatchEvent(new CustomEvent("interrupted", { detail: this.#watch.interrupted }));
  }

  async #onDevices() {
    await this.#refresh();
    this.#watch.back();
  }

  #onChoice() {
    // Listening only is for this once: nobody should be silent next time without having chosen it.
    remember("microphone", this.listenOnly ? "" : this.#choice.value);
    if (this.listenOnly) {
      this.release();
      this.dispatchEvent(new CustomEvent("track", { detail: null }));
    } else {
      void this.#reopen();
    }
  }

  async #reopen() {
    if (this.listenOnly) return;
    try {
      await this.#openChosen();
    } catch (error) {
      this.#problem(microphoneProblem(error));
      this.#test.hidden = false;
    }
  }

  #invite() {
    this.#test.hidden = false;
    setText(this.#hint, text("devices.will-ask"));
    this.#hint.hidden = false;
  }

  /** @param {string} sentence */
  #problem(sentence) {
    this.dispatchEvent(new CustomEvent("problem", { detail: sentence }));
  }

  async #refresh() {
    const inputs = await microphone.devicesOf("audioinput");
    const chosen = this.#choice.value || recall("microphone");
    fill(this.#choice, text("devices.default-microphone"), inputs, chosen);
    this.#choice.append(option(microphone.NO_MICROPHONE, text("devices.no-microphone")));
    if (chosen === microphone.NO_MICROPHONE) this.#choice.value = chosen;
    if (!microphone.canChooseSpeaker()) return;
    const outputs = await microphone.devicesOf("audiooutput");
    fill(this.#speaker, text("devices.default-speaker"), outputs, this.#speaker.value || recall("speaker"));
    if (this.#speaker.value) await this.#chooseSpeaker(this.#speaker.value);
  }

  /** @param {string} deviceId */
  async #chooseSpeaker(deviceId) {
    try {
      await this.#audio.setSinkId(deviceId);
      remember("speaker", deviceId);
    } catch {
      this.#speaker.value = "";
      this.#problem(text("devices.speaker-problem"));
    }
  }
}

/**
 * @param {HTMLSelectElement} select
 * @param {string} anyLabel  what the browser's own choice is called
 * @param {MediaDeviceInfo[]} devices
 * @param {string} chosen
 */
function fill(select, anyLabel, devices, chosen) {
  const named = devices.filter((device) => device.deviceId !== "default" && device.deviceId !== "communications");
  select.replaceChildren(option("", anyLabel), ...named.map((device) => option(device.deviceId, device.label)));
  const known = [...select.options].some((entry) => entry.value === chosen);
  select.value = known ? chosen : "";
}

/**
 * @param {string} value
 * @param {string} label
 */
function option(value, label) {
  const element = make("option", "", label || text("devices.unnamed"));
  element.value = value;
  return element;
}
