/**
 * A seat in a room, kept through lost connections. Knows nothing of what happens in the room.
 */

import { isSentAway, NoMedia, Refused } from "../signalling/errors.js";
import * as whip from "../signalling/whip.js";
import { delayBefore, PATIENCE } from "./backoff.js";
import { Connection } from "./connection.js";

/** How long sound may take to get through after an answer, in milliseconds. */
const CONNECT_TIME = 12_000;

/** How long a shaky connection may take to recover by itself before another is made, in milliseconds. */
const RECOVERY_TIME = 1000;

/** How long the news of why we have to go may come after the connection has ended, in milliseconds. */
const NEWS_TIME = 250;

/**
 * @typedef {"joining" | "here" | "reconnecting" | "gone" | "left"} State
 *
 * `gone` means: given up, for the reason in `trouble`; `retry()` starts again.
 */

/**
 * @typedef {object} Wish
 * @property {string} room
 * @property {string} name
 * @property {string} role  to join in; empty for the one that the invitation says
 * @property {string} token  what lets us in; empty where none is needed
 * @property {string} [server]  where it is; empty for where the page is from
 * @property {string} [proof]  of a seat to come back to
 * @property {import("../room/rights.js").Access} [access]  what we may do, if that is known already
 */

/** Connects again whenever the connection is lost. Fires CustomEvents: `state` (`{state, before}`), `remote` (another stream to play), `refused` (the seat was taken from us). */
export class ReconnectingConnection extends EventTarget {
  /** @type {State} */ state = "joining";
  /** @type {Connection | null} */ connection = null;
  /** @type {whip.Seat | null} */ seat = null;
  /** @type {Refused | null}  why we gave up; null if the network is to blame */
  trouble = null;

  #client;
  #wish;
  /** @type {RTCIceServer[]} */ #iceServers = [];
  #attempt = 0;
  #lostAt = 0;
  #timer = 0;
  #checking = false;

  /**
   * @param {import("../signalling/client.js").Client} client
   * @param {Wish} wish
   * @param {MediaStreamTrack | null} track  the microphone; null to listen only
   */
  constructor(client, wish, track) {
    super();
    this.#client = client;
    this.#wish = wish;
    this.track = track;
  }

  /** Takes a seat; resolves when sound flows. Rejects with an error of errors.js, and then is over. */
  async join() {
    try {
      this.#iceServers = await whip.iceServers(this.#client);
      await this.#connect().catch((error) => this.#connectAnew(error));
    } catch (error) {
      this.leave();
      throw error;
    }
    this.#setState("here");
  }

  /** @param {MediaStreamTrack | null} track  what we speak through from now on */
  async replaceTrack(track) {
    this.track = track;
    if (this.connection?.canSend) await this.connection.replaceTrack(track);
    else if (track && this.state === "here") this.#reconnect(); // one that could only listen
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

  /** The connection may have ended while nobody looked: asks, and tries at once where it has. */
  wake() {
    if (this.state === "here") void this.check();
    else this.retry();
  }

  /** Gives the seat up for good. */
  leave() {
    if (this.state === "left") return;
    const seat = this.seat ?? this.connection?.seat ?? null;
    this.end();
    if (seat) whip.leave(this.#client, seat).catch(() => undefined);
  }

  /**
   * Leaves the seat for as long as the page takes to load anew; the server keeps it meanwhile. The connection ends with
   * the page: if it were closed here, its goodbye would be there before our request.
   */
  pause() {
    if (this.state === "left") return;
    clearTimeout(this.#timer);
    if (this.seat) whip.hold(this.#client, this.seat).catch(() => undefined);
    this.#setState("left");
  }

  /** Ends it here, without a word to the server. */
  end() {
    clearTimeout(this.#timer);
    this.connection?.close();
    this.#setState("left");
  }

  /** Asks whether the seat is still ours, and takes it again if not. */
  async check() {
    if (this.state !== "here" || !this.seat || this.#checking) return;
    this.#checking = true;
    try {
      if (!(await whip.stillSeated(this.#client, this.seat)) && this.state === "here") this.#reconnect(NEWS_TIME);
    } catch (error) {
      // If the server cannot be asked, that can wait while sound flows: the next gap in the events asks again.
      if (isSentAway(error)) this.#emit("refused");
      else this.connection?.suspect();
    } finally {
      this.#checking = false;
    }
  }

  /**
   * One attempt; resolves when sound flows. The connection before it is closed once there is an answer: closing it says
   * goodbye, and whoever says so without another one has left the room.
   */
  async #connect() {
    const before = this.connection;
    const connection = new Connection(this.#client, this.#iceServers, this.track);
    this.connection = connection;
    const flowing = untilConnected(connection);
    flowing.catch(() => undefined); // reported below, or open() failed first
    try {
      this.seat = await connection.open(this.#wish.name, this.#wish.role);
    } finally {
      before?.close();
    }
    this.#client.proof = this.seat.proof;
    this.#emit("remote", connection.remote);
    await flowing;
    if (this.connection !== connection || this.state === "left") throw new Error("overtaken");
    connection.addEventListener("shaky", () => this.#onShaky(connection));
    connection.addEventListener("recovered", () => this.#onRecovered(connection));
    connection.addEventListener("lost", () => this.#onLost(connection));
  }

  /**
   * The seat that we came back for may be none any more: then we take a new one.
   *
   * @param {unknown} error  of the first attempt
   */
  async #connectAnew(error) {
    if (!this.#isUnknownSeat(error)) throw error;
    this.#client.proof = "";
    await this.#connect();
  }

  /**
   * Whether the server was restarted, and does not know our seat.
   *
   * @param {unknown} error
   */
  #isUnknownSeat(error) {
    return error instanceof Refused && error.status === 403 && !isSentAway(error) && this.#client.proof !== "";
  }

  /**
   * Nothing arrives any more. That is said at once; but a connection that goes on by itself before we try to make
   * another is as good as before.
   *
   * @param {Connection} connection
   */
  #onShaky(connection) {
    if (connection === this.connection && this.state === "here") this.#reconnect(RECOVERY_TIME);
  }

  /** @param {Connection} connection */
  #onRecovered(connection) {
    if (connection !== this.connection || this.state !== "reconnecting" || this.#attempt > 0) return;
    clearTimeout(this.#timer);
    this.#setState("here");
  }

  /** @param {Connection} connection */
  #onLost(connection) {
    if (connection !== this.connection) return;
    if (this.state === "here") this.#reconnect(NEWS_TIME);
    else if (this.state === "reconnecting" && this.#attempt === 0) this.#schedule(NEWS_TIME / 1000); // it was only shaky
  }

  /** @param {number} [wait]  milliseconds */
  #reconnect(wait = 0) {
    this.#lostAt = performance.now();
    this.#attempt = 0;
    this.#setState("reconnecting");
    this.#schedule(wait / 1000);
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
      if (this.track && !this.connection?.canSend) this.#reconnect(); // it was chosen meanwhile
    } catch (error) {
      if (this.state === "reconnecting" && attempt === this.#attempt) this.#onFailedAttempt(error);
    }
  }

  /** @param {unknown} error */
  #onFailedAttempt(error) {
    const waited = (performance.now() - this.#lostAt) / 1000;
    if (isSentAway(error)) {
      this.#emit("refused");
    } else if (this.#isUnknownSeat(error)) {
      this.seat = null; // take a new one
      this.#client.proof = "";
      this.#schedule(0);
    } else if (waited > PATIENCE || (error instanceof Refused && !error.passing)) {
      this.connection?.close();
      this.trouble = error instanceof Refused ? error : null;
      this.#setState("gone");
    } else {
      const asked = error instanceof Refused ? error.retryAfter : 0;
      this.#schedule(Math.max(delayBefore(this.#attempt, Math.random()), asked));
    }
  }

  /** @param {State} state */
  #setState(state) {
    const before = this.state;
    this.state = state;
    if (state !== before) this.#emit("state", { state, before });
  }

  /**
   * @param {string} type
   * @param {unknown} [detail]
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
    connection.addEventListener("closed", settle(() => reject(new Error("closed while joining"))), { once: true });
  });
}
