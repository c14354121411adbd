/**
 * How loud we want to hear each of the others: kept by the server with our seat, and told to nobody else.
 */

export class Volumes {
  #client;
  /** @type {Map<string, number>} */ #set = new Map();

  /** @param {import("../signalling/client.js").Client} client */
  constructor(client) {
    this.#client = client;
  }

  /**
   * @param {string} id
   * @returns {number}  0 to 2
   */
  of(id) {
    return this.#set.get(id) ?? 1;
  }

  /**
   * Learns what was set in a seat.
   *
   * @param {string} ownId
   */
  async load(ownId) {
    const { volumes } = await this.#client.get(this.#address(ownId));
    this.#set = new Map(Object.entries(volumes ?? {}));
  }

  /**
   * @param {string} ownId
   * @param {string} id  whom we hear
   * @param {number} volume  0 to 2; 1 takes back what was set
   */
  async set(ownId, id, volume) {
    const address = `${this.#address(ownId)}/${encodeURIComponent(id)}`;
    if (volume === 1) await this.#client.remove(address);
    else await this.#client.send("PUT", address, { volume });
    this.#set.set(id, volume);
  }

  /** @param {string} ownId */
  #address(ownId) {
    return `${this.#client.person(ownId)}/volumes`;
  }
}
