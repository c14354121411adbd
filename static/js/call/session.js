/**
 * A person's stay in a room: what they know of it, and what they change about themselves. Knows nothing of the page.
 */

import { may, NO_ACCESS } from "../room/rights.js";
import { applyToRoomState, EMPTY_ROOM_STATE } from "../room/roomstate.js";
import { applyEvent, EMPTY_ROSTER, whomItConcerns } from "../room/roster.js";
import { accessTo } from "../signalling/access.js";
import { Client } from "../signalling/client.js";
import { isPinWanted } from "../signalling/errors.js";
import { RoomEvents } from "../signalling/events.js";
import { MuteSync } from "./mutesync.js";
import { isOriginal } from "./original.js";
import { ReconnectingConnection } from "./reconnecting.js";
import { Volumes } from "./volumes.js";

/** How long the first look into the room may take before it is shown empty, in milliseconds. */
const LOOK_TIME = 3000;

/** How somebody has left who is not to come back by themselves. */
const FINAL = new Set(["removed", "ended"]);

/** @typedef {import("./reconnecting.js").State} State */

/**
 * Fires CustomEvents; the detail is the new value: `state` (`{state, before}`), `roster` (`{type, data, before, concerned}`: what
 * happened, and what we and whom it is about were before), `roomstate`,
 * `access`, `levels`, `muted` (`{muted, byServer}`), `remote` (another stream to play), `message` (somebody wrote), `caption` (somebody was understood),
 * `asked` (`{by}`: we are asked to unmute), `expired` (our invitation is not good any more), and last of all `dismissed` (`{departure, by, reason}`: we were
 * sent away; `by` is undefined where we learn of it only afterwards).
 */
export class Session extends EventTarget {
  /** @type {import("../room/roster.js").Roster} */ roster = EMPTY_ROSTER;
  /** @type {import("../room/roomstate.js").RoomState} */ roomState = EMPTY_ROOM_STATE;
  /** @type {import("../room/rights.js").Access} */ access = NO_ACCESS;

  #reconnecting;
  #events;
  /** In which seat we may do what `access` says. */
  #seat = "";
  #mute;
  #volumes;
  #wish;

  /**
   * @param {import("./reconnecting.js").Wish} wish
   * @param {MediaStreamTrack | null} track  the microphone; null to listen only
   */
  constructor(wish, track) {
    super();
    this.room = wish.room;
    this.client = new Client(wish.room, wish.token, wish.server);
    this.client.proof = wish.proof ?? "";
    this.#wish = wish;
    this.#volumes = new Volumes(this.client);
    this.#reconnecting = new ReconnectingConnection(this.client, wish, track);
    this.#reconnecting.addEventListener("state", (event) => this.#onState(/** @type {CustomEvent} */ (event).detail));
    this.#reconnecting.addEventListener("remote", (event) => this.#emit("remote", /** @type {CustomEvent} */ (event).detail));
    this.#reconnecting.addEventListener("refused", () => this.#dismiss({ departure: "removed" }));
    this.#events = new RoomEvents(this.client);
    this.#events.addEventListener("event", (event) => this.#onEvent(/** @type {CustomEvent} */ (event).detail));
    this.#events.addEventListener("gap", () => this.#reconnecting.check());
    this.#events.addEventListener("refused", () => void this.#checkInvitation());
    this.#mute = new MuteSync(
      (muted) => this.change({ muted }),
      (muted, byServer) => this.#applyMute(muted, byServer),
    );
  }

  /** @returns {State} */
  get state() {
    return this.#reconnecting.state;
  }

  /** Why we gave up; null if the network is to blame. */
  get trouble() {
    return this.#reconnecting.trouble;
  }

  get connection() {
    return this.#reconnecting.connection;
  }

  get ownId() {
    return this.#reconnecting.seat?.id ?? null;
  }

  /** What the room knows of us; null before it said so. */
  get own() {
    return (this.ownId === null ? undefined : this.roster.get(this.ownId)) ?? null;
  }

  get muted() {
    return this.#mute.muted;
  }

  /** Whether we are here to listen only, as the room has it. */
  get listens() {
    return (this.own?.role ?? this.access.role) === "listener";
  }

  get hasMicrophone() {
    return this.#reconnecting.track !== null;
  }

  /** Whether nobody is to change anything about our sound. */
  get original() {
    return isOriginal(this.#reconnecting.track);
  }

  /** Whether what we say would be heard, muted or not. */
  get canSpeak() {
    return this.hasMicrophone && !this.listens;
  }

  /** Somebody muted us, and we cannot change it. */
  get silenced() {
    return Boolean(this.own?.muted && this.own.muted_by && !this.moderates);
  }

  get moderates() {
    return may(this.access, "moderate");
  }

  get waiting() {
    return this.own?.waiting ?? false;
  }

  /** Takes a seat; resolves when sound flows and the room is known. Rejects with an error of errors.js, and then is over. */
  async join() {
    this.access = this.#wish.access ?? (await accessTo(this.client)); // in a seat we may be allowed more
    await this.#reconnecting.join();
    await new Promise((resolve) => {
      this.addEventListener("roster", resolve, { once: true });
      this.addEventListener("dismissed", resolve, { once: true });
      setTimeout(resolve, LOOK_TIME);
    });
  }

  /** @param {boolean} muted */
  setMuted(muted) {
    if (muted || !this.silenced) this.#mute.set(muted);
  }

  /**
   * Changes something about ourselves.
   *
   * @param {object} changes  a merge patch
   * @returns {Promise<import("../room/roster.js").Person>}
   */
  change(changes) {
    return this.ownId ? this.client.patch(this.client.person(this.ownId), changes) : Promise.reject(new Error("no seat"));
  }

  /**
   * Speaks through another microphone from now on, or none.
   *
   * @param {MediaStreamTrack | null} track
   */
  async replaceTrack(track) {
    if (track) track.enabled = !this.muted;
    await this.#reconnecting.replaceTrack(track);
  }

  /**
   * How loud we want to hear somebody.
   *
   * @param {string} id
   * @returns {number}  0 to 2
   */
  volumeOf(id) {
    return this.#volumes.of(id);
  }

  /**
   * @param {string} id
   * @param {number} volume  0 to 2
   */
  setVolume(id, volume) {
    return this.ownId ? this.#volumes.set(this.ownId, id, volume) : Promise.reject(new Error("no seat"));
  }

  /**
   * Somebody looks at the page, or nobody does any more.
   *
   * @param {boolean} looking
   */
  look(looking) {
    this.#events.look(looking);
  }

  /** Tries again at once: the network is back, or the person asked. */
  retry() {
    this.#reconnecting.retry();
  }

  /** The page was stopped for a while: what is left of the connection is looked at. */
  wake() {
    this.#reconnecting.wake();
  }

  /** The device has gone over to another network: if nothing arrives now, that counts sooner. */
  suspect() {
    this.connection?.suspect();
  }

  /** Gives the seat up for good. */
  leave() {
    this.#reconnecting.leave();
  }

  /**
   * Leaves the seat for as long as the page takes to load anew.
   *
   * @returns {Omit<import("./keptseat.js").KeptSeat, "processing"> | null}  what it takes to come back; null if we cannot
   */
  pause() {
    const { proof } = this.client;
    if (this.state === "left" || !proof) return null;
    const { room, role } = this.#wish;
    const name = this.own?.name ?? this.#wish.name;
    const kept = { room, name, role, proof, muted: this.muted, microphone: this.hasMicrophone, at: Date.now() };
    this.#reconnecting.pause();
    return kept;
  }

  /** @param {import("../room/roster.js").Departure} departure  why we have to go */
  #dismiss(departure) {
    if (this.state === "left") return;
    this.#reconnecting.end();
    this.#emit("dismissed", departure);
  }

  /** @param {{state: State, before: State}} change */
  #onState(change) {
    if (change.state === "here") {
      const anew = this.#seat !== "" && this.#seat !== this.ownId;
      this.#seat = this.ownId ?? "";
      this.#mute.reassert();
      this.#events.open();
      if (this.ownId) this.#volumes.load(this.ownId).catch(() => undefined); // the next connection asks again
      if (anew) void this.#renewAccess(); // what was given to us in the seat before is not ours in this one
    } else if (change.state === "gone" || change.state === "left") {
      this.#events.close();
    }
    this.#emit("state", change);
  }

  /** @param {{type: string, data: any}} event */
  #onEvent({ type, data }) {
    if (type === "levels") this.#emit("levels", data.levels);
    else if (type === "message") this.#emit("message", data);
    else if (type === "caption") this.#emit("caption", data);
    else if (type === "server.draining") this.#emit("draining", data);
    else if (type === "unmute.requested") this.#onAsked(data);
    else if (!this.#sendsUsAway(type, data)) this.#onNews(type, data);
  }

  /**
   * @param {string} type
   * @param {any} data
   */
  #sendsUsAway(type, data) {
    const leaving = type === "participant.left" ? [data.participant.id] : type === "participants.left" ? data.ids : [];
    if (!leaving.includes(this.ownId) || !FINAL.has(data.departure)) return false;
    this.#dismiss({ departure: data.departure, by: data.by ?? null, reason: data.reason });
    return true;
  }

  /**
   * @param {string} type
   * @param {any} data
   */
  #onNews(type, data) {
    const before = this.own;
    const roomState = applyToRoomState(this.roomState, type, data);
    const roster = applyEvent(this.roster, type, data);
    const concerned = whomItConcerns(data, this.roster, roster);
    this.roster = roster;
    this.#emit("roster", { type, data, before, concerned });
    if (roomState !== this.roomState) {
      this.roomState = roomState;
      this.#emit("roomstate", roomState);
    }
    const own = this.own;
    if (own) this.#heard(own);
    else if (this.state === "here") void this.#reconnecting.check();
    if (before && own && before.role !== own.role) void this.#renewAccess();
  }

  /** @param {import("../room/roster.js").Person} own */
  #heard(own) {
    this.#mute.heard(own.muted);
    // Whoever becomes a speaker must not find themselves heard: they say when.
    if (own.role === "listener" && this.hasMicrophone) this.#mute.set(true);
  }

  /** @param {{id: string, by: string | null}} asked */
  #onAsked(asked) {
    if (asked.id === this.ownId && this.muted) this.#emit("asked", asked);
  }

  /** Whoever is made a host may do more from then on, and is told more. */
  async #renewAccess() {
    try {
      const moderated = this.moderates;
      this.access = await accessTo(this.client);
      if (this.moderates !== moderated && this.state === "here") this.#events.open();
      this.#emit("access", this.access);
    } catch {
      // The connection is being lost; what we may do is asked again with the next change.
    }
  }

  /** Whoever is in stays in when their invitation expires; but they are told nothing more of what happens. */
  async #checkInvitation() {
    try {
      await accessTo(this.client);
    } catch (error) {
      if (!isPinWanted(error) || this.state !== "here") return;
      this.#events.close(); // or each refusal would be told
      this.#emit("expired", null);
    }
  }

  /**
   * @param {boolean} muted
   * @param {boolean} byServer
   */
  #applyMute(muted, byServer) {
    const { track } = this.#reconnecting;
    if (track) track.enabled = !muted;
    this.#emit("muted", { muted, byServer });
  }

  /**
   * @param {string} type
   * @param {unknown} detail
   */
  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
