/**
 * What may be asked of the server about recordings of a room, by those who may record it.
 */

/**
 * @typedef {object} Recording
 * @property {string} id
 * @property {string} room
 * @property {"recording" | "paused" | "finishing" | "ready" | "failed"} state
 * @property {number} started_at  unix time in seconds
 * @property {string | null} started_by
 * @property {string | null} reason  why it ended
 * @property {number} seconds
 * @property {number} bytes
 * @property {{name: string, type: string, bytes: number}[]} files
 */

export class Recordings {
  #client;
  #room;

  /**
   * @param {import("../signalling/client.js").Client} client
   * @param {string} room
   */
  constructor(client, room) {
    this.#client = client;
    this.#room = room;
  }

  /** @returns {Promise<{record: "off" | "manual" | "always", recordings: Recording[]}>}  the latest first */
  list() {
    return this.#client.get(`/recordings?room=${encodeURIComponent(this.#room)}`);
  }

  start() {
    return this.#client.send("POST", `${this.#client.room}/recordings`, {});
  }

  /**
   * @param {string} id
   * @param {"recording" | "paused" | "stopped"} state
   */
  turn(id, state) {
    return this.#client.patch(`/recordings/${encodeURIComponent(id)}`, { state });
  }

  /** @param {string} id */
  remove(id) {
    return this.#client.remove(`/recordings/${encodeURIComponent(id)}`);
  }

  /**
   * @param {string} id
   * @param {string} name
   * @returns {Promise<string>}
   */
  async text(id, name) {
    return (await this.#client.request(this.#path(id, name))).text();
  }

  /**
   * The address of a file, for elements that can set no header.
   *
   * @param {string} id
   * @param {string} name
   */
  address(id, name) {
    const query = this.#client.token ? `?access_token=${encodeURIComponent(this.#client.token)}` : "";
    return `${this.#path(id, name)}${query}`;
  }

  /**
   * @param {string} id
   * @param {string} name
   */
  #path(id, name) {
    return `/recordings/${encodeURIComponent(id)}/files/${encodeURIComponent(name)}`;
  }
}
