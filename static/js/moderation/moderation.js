/**
 * What may be asked of the server about other people and the room; see rights.js for who may.
 */

export class Moderation {
  #client;

  /** @param {import("../signalling/client.js").Client} client */
  constructor(client) {
    this.#client = client;
  }

  /**
   * @param {string} id
   * @param {object} changes  a merge patch, e.g. `{muted: true}`
   */
  change(id, changes) {
    return this.#client.patch(this.#client.person(id), changes);
  }

  /** @param {string} id */
  askToUnmute(id) {
    return this.#client.send("POST", `${this.#client.person(id)}/unmute-request`);
  }

  /** @param {string} id */
  remove(id) {
    return this.#client.remove(this.#client.person(id));
  }

  /**
   * @param {string} id  who is heard
   * @param {readonly string[]} hearers  by these alone
   */
  whisper(id, hearers) {
    return this.#client.send("PUT", `${this.#client.person(id)}/whisper`, { to: hearers });
  }

  /** @param {string} id */
  endWhisper(id) {
    return this.#client.remove(`${this.#client.person(id)}/whisper`);
  }

  /**
   * @param {string} id  who is heard
   * @param {string} agent  by this one alone
   */
  coach(id, agent) {
    return this.#client.send("PUT", `${this.#client.person(id)}/coach`, { agent });
  }

  /** @param {string} id */
  endCoaching(id) {
    return this.#client.remove(`${this.#client.person(id)}/coach`);
  }

  /** @param {object} changes  a merge patch of the policy */
  changeRoom(changes) {
    return this.#client.patch(this.#client.room, changes);
  }

  admitAll() {
    return this.#client.send("POST", `${this.#client.room}/admit`);
  }

  /**
   * @param {readonly string[]} except  ids of those who go on, hosts aside
   * @returns {Promise<number>}  how many were muted
   */
  async muteAll(except) {
    const response = await this.#client.send("POST", `${this.#client.room}/mute`, { except });
    return (await response.json()).muted.length;
  }

  end() {
    return this.#client.remove(this.#client.room);
  }

  /** @returns {Promise<{name: string}[]>}  what can be played; none if this server has none */
  async library() {
    return (await this.#client.get("/sounds")).sounds ?? [];
  }

  /** @param {string} sound  its name */
  play(sound) {
    return this.#client.send("POST", `${this.#client.room}/sounds`, { sound });
  }

  /** @param {string} id */
  stop(id) {
    return this.#client.remove(`${this.#client.room}/sounds/${encodeURIComponent(id)}`);
  }

  /** @param {string} text */
  write(text) {
    return this.#client.send("POST", `${this.#client.room}/messages`, { text });
  }
}
