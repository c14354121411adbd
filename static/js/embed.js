/**
 * For other sites' pages: `joinRoom` has somebody join a room of a server, wherever the page is from. Its types are in
 * `embed.d.ts`, and what it can do in docs/embedding.md. The page of the server's own stands on the same modules.
 */

import { Interruptions } from "./audio/interruptions.js";
import { capabilities, openMicrophone } from "./audio/microphone.js";
import { MicrophoneWatch } from "./audio/microphonewatch.js";
import { Playback } from "./audio/playback.js";
import { Session } from "./call/session.js";
import { publicPeople, talkingChanges } from "./room/publicpeople.js";
import { NoMedia, Refused, Unreachable } from "./signalling/errors.js";

/** Why somebody did not get in. The `message` is a sentence in English, and the server's own if it gave one. */
export class JoinError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {unknown} cause
   */
  constructor(code, message, cause) {
    super(message, { cause });
    this.name = "JoinError";
    this.code = code;
    this.status = cause instanceof Refused ? cause.status : null;
    this.retryAfter = cause instanceof Refused ? cause.retryAfter : 0;
  }
}

/** A stay in a room, as other pages have it. Fires CustomEvents whose details are in embed.d.ts. */
class Room extends EventTarget {
  #session;
  #playback;
  #watch;
  #interruptions = new Interruptions(window);
  /** @type {MediaStreamTrack | null} */ #track;
  /** The microphone is not ours to stop, or to open anew. */ #lent;
  #processing;
  /** @type {readonly import("./room/publicpeople.js").PublicPerson[]}  as they were told last */ #people = [];
  #told = false;

  /** What the others say. @type {MediaStream | null} */
  stream = null;

  /**
   * @param {import("./call/reconnecting.js").Wish} wish
   * @param {MediaStreamTrack | null} track
   * @param {{lent: boolean, processing: boolean, audio: HTMLAudioElement | null}} how
   */
  constructor(wish, track, { lent, processing, audio }) {
    super();
    this.#track = track;
    this.#lent = lent;
    this.#processing = processing;
    this.#playback = audio && new Playback(audio);
    this.#playback?.addEventListener("blocked", () => this.#fire("blocked", null));
    this.#watch = new MicrophoneWatch(() => this.#again());
    this.#watch.addEventListener("change", () => this.#fire("interrupted", { interrupted: this.#watch.interrupted }));
    if (track) this.#watch.watch(track);
    this.#interruptions.addEventListener("back", () => this.#goOn());
    this.#interruptions.addEventListener("network", () => this.#session.suspect());
    this.#session = new Session(wish, track);
    this.#listen();
  }

  get id() {
    return this.#session.ownId;
  }

  get name() {
    return this.#session.room;
  }

  get state() {
    return this.#session.state;
  }

  get muted() {
    return this.#session.muted;
  }

  get waiting() {
    return this.#session.waiting;
  }

  get people() {
    return publicPeople(this.#session.roster, this.#session.ownId);
  }

  mute() {
    this.#session.setMuted(true);
  }

  unmute() {
    this.#session.setMuted(false);
    this.#watch.back();
  }

  /** Plays what the others say, after the browser wanted a tap first. */
  play() {
    return this.#playback?.resume() ?? Promise.resolve();
  }

  /** @param {string} words */
  async send(words) {
    await this.#session.client.send("POST", `${this.#session.client.room}/messages`, { text: words });
  }

  /**
   * @param {string} id
   * @param {number} volume  0 to 2
   */
  setVolume(id, volume) {
    return this.#session.setVolume(id, volume);
  }

  /** @param {MediaStreamTrack | null} track  another microphone, which stays the caller's; null for none */
  async setMicrophone(track) {
    if (track !== null && !isAudioTrack(track)) throw new TypeError("A microphone is a MediaStreamTrack of audio, or null for none.");
    if (this.state === "left") return;
    this.#take(track, true);
    await this.#session.replaceTrack(track);
  }

  leave() {
    this.#session.leave();
  }

  /** Takes a seat. For joinRoom alone. */
  async enter(/** @type {boolean} */ muted) {
    try {
      if (muted) this.#session.setMuted(true);
      await this.#session.join();
    } catch (error) {
      this.#over();
      throw error;
    }
  }

  #listen() {
    const on = (/** @type {string} */ type, /** @type {(detail: any) => void} */ act) =>
      this.#session.addEventListener(type, (event) => act(/** @type {CustomEvent} */ (event).detail));
    on("remote", (stream) => {
      this.stream = stream;
      void this.#playback?.play(stream);
      this.#fire("stream", { stream });
    });
    on("roster", () => this.#showPeople());
    on("levels", (levels) => this.#fire("levels", { levels }));
    on("muted", (detail) => this.#fire("muted", detail));
    on("message", ({ id, name, text, sent_at }) => this.#fire("message", { id, name, text, at: sent_at }));
    on("caption", ({ participant, name, text, final }) => this.#fire("caption", { participant, name, text, final }));
    on("asked", ({ by }) => this.#fire("asked", { by }));
    on("dismissed", ({ departure }) => this.#leftAs(departure));
    on("state", ({ state, before }) => {
      this.#fire("state", { state, before });
      if (state !== "left") return;
      this.#over();
      queueMicrotask(() => this.#leftAs("left")); // after the news that we were sent away, if it was that
    });
  }

  /** @param {string} reason */
  #leftAs(reason) {
    if (this.#told) return;
    this.#told = true;
    this.#fire("left", { reason });
  }

  #showPeople() {
    const { people } = this;
    for (const change of talkingChanges(this.#people, people)) this.#fire("talking", change);
    this.#people = people;
    this.#fire("people", { people });
  }

  /** Opens a microphone in place of one that was taken away. */
  async #again() {
    if (this.#lent) return;
    const track = await openMicrophone("", this.#processing);
    if (this.state === "left" || this.#lent) return track.stop();
    this.#take(track, false);
    await this.#session.replaceTrack(track);
  }

  /**
   * @param {MediaStreamTrack | null} track
   * @param {boolean} lent
   */
  #take(track, lent) {
    if (this.#track && !this.#lent) this.#track.stop();
    this.#track = track;
    this.#lent = lent;
    this.#watch.watch(track);
  }

  #goOn() {
    this.#watch.back();
    void this.#playback?.resume();
    this.#session.wake();
  }

  #over() {
    this.#interruptions.stop();
    this.#take(null, false);
    this.#playback?.stop();
  }

  /**
   * @param {string} type
   * @param {unknown} detail
   */
  #fire(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/**
 * @param {import("./embed.js").JoinOptions} options
 * @returns {Promise<import("./embed.js").Room>}
 */
export async function joinRoom(options) {
  const { url, room, token = "", name = "", role = "", microphone = true, muted = false, processing = true, audio = true } = options ?? {};
  const server = addressOf(url);
  if (typeof room !== "string" || room === "") throw new JoinError("failed", "room must be the name of a room.", null);
  if (typeof microphone !== "boolean" && !isAudioTrack(microphone)) {
    throw new JoinError("failed", "microphone must be true, false or a MediaStreamTrack of audio.", null);
  }
  if (typeof RTCPeerConnection !== "function") throw new JoinError("failed", "There is no WebRTC here, or it is turned off.", null);
  const lent = typeof microphone !== "boolean";
  const track = lent ? microphone : microphone ? await opened(processing) : null;
  const element = audio instanceof HTMLAudioElement ? audio : audio ? new Audio() : null;
  const joined = new Room({ room, name, role, token, server }, track, { lent, processing, audio: element });
  try {
    await joined.enter(muted);
  } catch (error) {
    throw new JoinError(codeOf(error), error instanceof Error ? error.message : String(error), error);
  }
  if (joined.state === "left") throw new JoinError("sent-away", "You were sent away while joining.", null);
  return /** @type {any} */ (joined);
}

/**
 * @param {unknown} url  of a server
 * @returns {string}  without a slash at its end
 */
function addressOf(url) {
  try {
    const { protocol, origin, pathname } = new URL(/** @type {string} */ (url));
    if (protocol === "https:" || protocol === "http:") return `${origin}${pathname}`.replace(/\/+$/, "");
  } catch {
    // it is none
  }
  throw new JoinError("failed", "url must be the address of a server, like https://talk.example.org.", null);
}

/**
 * @param {unknown} track
 * @returns {track is MediaStreamTrack}
 */
function isAudioTrack(track) {
  return typeof MediaStreamTrack === "function" && track instanceof MediaStreamTrack && track.kind === "audio";
}

/** @param {boolean} processing */
async function opened(processing) {
  if (!capabilities().microphone) {
    throw new JoinError("microphone", "Browsers give this page no microphone: it needs https://, or http://localhost.", null);
  }
  try {
    return await openMicrophone("", processing);
  } catch (error) {
    throw new JoinError("microphone", `The microphone could not be opened: ${/** @type {Error} */ (error).message}`, error);
  }
}

/** @param {unknown} error */
function codeOf(error) {
  if (error instanceof Refused) return error.status === 401 || error.status === 403 ? "not-allowed" : "refused";
  if (error instanceof Unreachable) return "unreachable";
  return error instanceof NoMedia ? "no-media" : "failed";
}
