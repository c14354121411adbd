/**
 * What goes on on the server, asked for every couple of seconds.
 */

import { Refused } from "../signalling/errors.js";

const EVERY = 2000;

/** How many recordings are shown, the latest first. */
const RECORDINGS = 20;

/**
 * @typedef {object} Shown
 * @property {any} overview  as `GET /overview` has it
 * @property {Map<string, any>} rooms  those that somebody looks into, as `GET /rooms/{room}` has them
 * @property {any[] | null} recordings  null if there are none on this server
 */

/** Fires `shown` (a CustomEvent with a Shown), `refused` with a sentence, and `lost` when the server does not answer. */
export class Overview extends EventTarget {
  #client;
  #timer = 0;
  /** Which answers count: those to requests of this round. */
  #round = 0;
  #looking = true;
  /** @type {Set<string>} */ #open = new Set();

  /** @param {import("../signalling/client.js").Client} client */
  constructor(client) {
    super();
    this.#client = client;
  }

  start() {
    void this.#ask();
  }

  /** @param {import("../signalling/client.js").Client} client  who asks from now on */
  use(client) {
    this.#client = client;
    void this.#ask();
  }

  /** @param {boolean} looking  whether somebody sees the page: nothing is asked for while nobody does */
  look(looking) {
    this.#looking = looking;
    if (looking) void this.#ask();
    else clearTimeout(this.#timer);
  }

  /** @param {{room: string, open: boolean}} what  whether it is to be told who is in a room */
  watch({ room, open }) {
    if (open) this.#open.add(room);
    else this.#open.delete(room);
    if (open) void this.#ask();
  }

  /**
   * @param {string} room
   * @param {boolean} locked
   */
  async lock(room, locked) {
    await this.#client.patch(`/rooms/${encodeURIComponent(room)}`, { locked });
    await this.#ask();
  }

  /** @param {string} room */
  async end(room) {
    await this.#client.remove(`/rooms/${encodeURIComponent(room)}`);
    await this.#ask();
  }

  async #ask() {
    clearTimeout(this.#timer);
    this.#round += 1;
    const round = this.#round;
    let again = true;
    try {
      const shown = await this.#gather();
      if (round === this.#round) this.dispatchEvent(new CustomEvent("shown", { detail: shown }));
    } catch (error) {
      if (round !== this.#round) return;
      again = !(error instanceof Refused && [401, 403].includes(error.status));
      this.dispatchEvent(again ? new Event("lost") : new CustomEvent("refused", { detail: /** @type {Refused} */ (error).title }));
    }
    if (round === this.#round && again && this.#looking) this.#timer = setTimeout(() => void this.#ask(), EVERY);
  }

  /** @returns {Promise<Shown>} */
  async #gather() {
    const overview = await this.#client.get("/overview");
    const there = new Set(overview.rooms.map((/** @type {any} */ one) => one.name));
    for (const room of this.#open) if (!there.has(room)) this.#open.delete(room);
    const rooms = await Promise.all([...this.#open].map(async (room) => [room, await this.#room(room)]));
    const recordings = overview.recording_bytes === null ? null : (await this.#client.get("/recordings")).recordings.slice(0, RECORDINGS);
    return { overview, rooms: new Map(/** @type {[string, any][]} */ (rooms)), recordings };
  }

  /** @param {string} room */
  async #room(room) {
    try {
      return await this.#client.get(`/rooms/${encodeURIComponent(room)}`);
    } catch (error) {
      if (error instanceof Refused && error.status === 404) return null; // it has just ended
      throw error;
    }
  }
}
