/**
 * What may be asked of the server about calls out of a room, and about handing somebody over to whoever is called.
 */

/** @typedef {{to: string} | {url: string} | {webhook: string}} Whom */

/**
 * @typedef {object} Transfer
 * @property {string} id
 * @property {string} caller
 * @property {string} agent
 * @property {string} callee
 * @property {"calling" | "consulting" | "joined" | "completed" | "canceled" | "failed"} state
 */

export class Calls {
  #client;

  /** @param {import("../signalling/client.js").Client} client */
  constructor(client) {
    this.#client = client;
  }

  /** @returns {Promise<{bots: boolean, phones: boolean}>}  whom this server calls at all */
  async kinds() {
    return (await this.#client.get("/config")).calls ?? { bots: false, phones: false };
  }

  /**
   * @param {Whom} whom
   * @param {string} name  what the others see; empty for the number, or the host
   */
  place(whom, name) {
    return this.#client.send("POST", `${this.#client.room}/calls`, named(whom, name));
  }

  /**
   * @param {string} caller  who is handed over
   * @param {string} agent  by whom
   * @param {Whom} whom  to whom
   * @param {string} name
   * @returns {Promise<Transfer>}
   */
  async handOver(caller, agent, whom, name) {
    const body = { caller, agent, call: named(whom, name) };
    return (await this.#client.send("POST", `${this.#client.room}/transfers`, body)).json();
  }

  /** @returns {Promise<Transfer[]>}  those that are not over */
  async transfers() {
    return (await this.#client.get(`${this.#client.room}/transfers`)).transfers;
  }

  /** @param {string} id */
  join(id) {
    return this.#client.patch(`${this.#client.room}/transfers/${encodeURIComponent(id)}`, { state: "joined" });
  }

  /** @param {string} id */
  cancel(id) {
    return this.#client.remove(`${this.#client.room}/transfers/${encodeURIComponent(id)}`);
  }
}

/**
 * @param {Whom} whom
 * @param {string} name
 */
function named(whom, name) {
  return name ? { ...whom, name } : whom;
}
