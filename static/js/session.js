/**
 * A person's stay in a room: one seat, whatever happens to the connections under it. Knows nothing of the page.
 */

import { delayBefore, PATIENCE } from "./backoff.js";
import { Connection } from "./connection.js";
import { RoomEvents } from "./events.js";
import { MuteKeeper } from "./mutekeeper.js";
import { applyEvent, EMPTY_ROSTER } from "./people.js";
import { NoMedia, Refused } from "./problems.js";
import * as whip from "./whip.js";

/** How long sound may take to get through after an answer, in milliseconds. */
const CONNECT_TIME = 12_000;

/** How long a shaky connection may take to recover by itself, in milliseconds. */
const RECOVERY_TIME = 1000;

/**
 * @typedef {"joining" | "here" | "reconnecting" | "gone" | "left"} State
 *
 * `gone` means: given up; `retry()` starts again.
 */

/**
 * Fires `state`, `roster`, `levels`, `muted`, `remote` (another stream to play) as CustomEvents; the detail is the
 * new value. For `state` it is `{state, before}`; for `roster` `{roster, type, data}`; for `muted`
 * `{muted, byServer}`.
 */
export class Session extends EventTarget {
  /** @type {State} */ state = "joining";
  /** @type {import("./people.js").Roster} */ roster = EMPTY_ROSTER;
  /** @type {Connection | null} */ connection = null;
  /** @type {whip.Seat | null} */ seat = null;

  #room;
  #name;
  /** @type {MediaStreamTrack | null} */ #track;
  /** @type {RTCIceServer[]} */ #iceServers = [];
  #events;
  #mute;
  #attempt = 0;
  #lostAt = 0;
  #timer = 0;
  #checking = false;

  /**
   * @param {string} room
   * @param {string} name
   * @param {MediaStreamTrack | null} track  the microphone; null to listen only
   */
  constructor(room, name, track) {
    super();
    this.#room = room;
    this.#name = name;
    this.#track = track;
    this.#events = new RoomEvents(room);
    this.#events.addEventListener("event", (event) => this.#onEvent(/** @type {CustomEvent} */ (event).detail));
    this.#events.addEventListener("gap", () => this.#checkSeat());
    this.#mute = new MuteKeeper(
      (muted) => (this.seat ? whip.setMuted(this.seat, muted) : Promise.reject(new Error("no seat"))),
      (muted, byServer) => this.#applyMute(muted, byServer),
    );
  }

  get ownId() {
    return this.seat?.id ?? null;
  }

  get muted() {
    return this.#mute.muted;
  }

  get canSpeak() {
    return this.#track !== null;
  }

  /** Takes a seat; resolves when sound flows. Rejects with what problems.js explains, and then is over. */
  async join() {
    try {
      this.#iceServers = await whip.iceServers();
      await this.#connect();
    } catch (error) {
      this.leave();
      throw error;
    }
    this.#setState("here");
    this.#events.open();
  }

  /** @param {boolean} muted */
  setMuted(muted) {
    this.#mute.set(muted);
  }

  /**
   * Speaks through another microphone from now on, or none. One whose connection can only listen takes the seat
   * again as a speaker.
   *
   * @param {MediaStreamTrack | null} track
   */
  async replaceTrack(track) {
    this.#track = track;
    if (track) track.enabled = !this.muted;
    if (this.connection?.canSend) await this.connection.replaceTrack(track);
    else if (track && this.state === "here") this.#reconnect();
  }

  /** Tries again at once: the network is back, or the person asked. */
  retry() {
    if (this.state === "gone") {
      this.#lostAt = performance.now();
      this.#setState("reconnecting");
    }
    if (this.state !== "reconnecting") return;
    this.#attempt = 0;
    this.#schedule(0);
  }

  /** Gives the seat up for good. */
  leave() {
    if (this.state === "left") return;
    clearTimeout(this.#timer);
    this.#events.close();
    const seat = this.seat ?? this.connection?.seat ?? null;
    this.connection?.close();
    if (seat) whip.leave(seat).catch(() => undefined);
    this.#setState("left");
  }

  /** One attempt; resolves when sound flows. */
  async #connect() {
    this.connection?.close();
    const connection = new Connection(this.#iceServers, this.#track);
    this.connection = connection;
    const flowing = untilConnected(connection);
    flowing.catch(() => undefined); // reported below, or open() failed first
    this.seat = await connection.open(this.#room, this.#name, this.seat?.token ?? "");
    this.#emit("remote", connection.remote);
    await flowing;
    if (this.connection !== connection || this.state === "left") throw new Error("overtaken");
    connection.addEventListener("shaky", () => this.#onShaky(connection));
    connection.addEventListener("lost", () => this.#onLost(connection));
    this.#mute.reassert();
  }

  /** @param {Connection} connection */
  #onShaky(connection) {
    setTimeout(() => {
      if (!connection.connected) this.#onLost(connection);
    }, RECOVERY_TIME);
  }

  /** @param {Connection} connection */
  #onLost(connection) {
    if (connection === this.connection && this.state === "here") this.#reconnect();
  }

  #reconnect() {
    this.#lostAt = performance.now();
    this.#attempt = 0;
    this.#setState("reconnecting");
    this.#schedule(0);
  }

  /** @param {number} seconds */
  #schedule(seconds) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#tryAgain(), seconds * 1000);
  }

  async #tryAgain() {
    if (this.state !== "reconnecting") return;
    const attempt = ++this.#attempt;
    try {
      await this.#connect();
      this.#setState("here");
      this.#events.open();
    } catch (error) {
      if (this.state === "reconnecting" && attempt === this.#attempt) this.#onFailedAttempt(error);
    }
  }

  /** @param {unknown} error */
  #onFailedAttempt(error) {
    const waited = (performance.now() - this.#lostAt) / 1000;
    if (error instanceof Refused && error.status === 403 && this.seat?.token) {
      this.seat = null; // the server was restarted and does not know the seat: take a new one
      this.#schedule(0);
    } else if (waited > PATIENCE || (error instanceof Refused && !error.passing)) {
      this.connection?.close();
      this.#events.close();
      this.#setState("gone");
    } else {
      const asked = error instanceof Refused ? error.retryAfter : 0;
      this.#schedule(Math.max(delayBefore(this.#attempt, Math.random()), asked));
    }
  }

  /** After a gap in the events: perhaps only the stream broke, perhaps the seat is gone too. */
  async #checkSeat() {
    if (this.state !== "here" || !this.seat || this.#checking) return;
    this.#checking = true;
    try {
      if (!(await whip.stillSeated(this.seat)) && this.state === "here") this.#reconnect();
    } catch {
      // The server cannot be asked. While sound flows that can wait: the stream is opened again and asks again.
    } finally {
      this.#checking = false;
    }
  }

  /** @param {{type: string, data: any}} event */
  #onEvent({ type, data }) {
    if (type === "levels") {
      this.#emit("levels", data.levels);
      return;
    }
    this.roster = applyEvent(this.roster, type, data);
    this.#emit("roster", { roster: this.roster, type, data });
    const own = this.ownId === null ? undefined : this.roster.get(this.ownId);
    if (own) this.#mute.heard(own.muted);
    else if (this.state === "here") this.#checkSeat();
  }

  /**
   * @param {boolean} muted
   * @param {boolean} byServer
   */
  #applyMute(muted, byServer) {
    if (this.#track) this.#track.enabled = !muted;
    this.#emit("muted", { muted, byServer });
  }

  /** @param {State} state */
  #setState(state) {
    const before = this.state;
    this.state = state;
    if (state !== before) this.#emit("state", { state, before });
  }

  /**
   * @param {string} type
   * @param {unknown} detail
   */
  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/**
 * @param {Connection} connection
 * @returns {Promise<void>}
 */
function untilConnected(connection) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new NoMedia()), CONNECT_TIME);
    const settle = (/** @type {() => void} */ act) => () => {
      clearTimeout(timer);
      act();
    };
    connection.addEventListener("connected", settle(resolve), { once: true });
    connection.addEventListener("lost", settle(() => reject(new NoMedia())), { once: true });
  });
}
