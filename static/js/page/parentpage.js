/**
 * The page around this one, where it stands in an `<iframe>`: what that page asks for, and what it is told. docs/embedding.md has the
 * messages. Only pages of the origins that the server's operator has named (`--frame-ancestors`) are listened to, or told anything.
 */

/** What may be asked for. */
const ASKED = ["join", "leave", "mute", "unmute"];

/** What stands before each type, so that it is not taken for a message of somebody else's. */
const PREFIX = "conference.";

/** Fires `join` (`{room, name, token}`), `leave`, `mute` and `unmute`, each a CustomEvent. */
export class ParentPage extends EventTarget {
  #page;
  #origins;

  /**
   * @param {Window} page  ours
   * @param {readonly string[]} origins  of the pages that this one may stand in
   */
  constructor(page, origins) {
    super();
    this.#page = page;
    this.#origins = new Set(origins);
    page.addEventListener("message", (event) => this.#take(event));
  }

  /**
   * Tells the page around this one something. A browser hands it to a page of that origin, and to no other.
   *
   * @param {string} type
   * @param {object} [detail]
   */
  tell(type, detail = {}) {
    for (const origin of this.#told()) this.#page.parent.postMessage({ ...detail, type: PREFIX + type }, origin);
  }

  /** The origin of the page around this one, if the browser says which it is; else all that it may be. */
  #told() {
    const [around] = this.#page.location.ancestorOrigins ?? [];
    return around === undefined ? this.#origins : [around].filter((origin) => this.#origins.has(origin));
  }

  /** @param {MessageEvent} event */
  #take({ origin, source, data }) {
    if (source !== this.#page.parent || !this.#origins.has(origin)) return;
    const type = typeof data?.type === "string" && data.type.startsWith(PREFIX) ? data.type.slice(PREFIX.length) : "";
    if (!ASKED.includes(type)) return;
    const words = ["room", "name", "token"].map((name) => [name, typeof data[name] === "string" ? data[name] : ""]);
    this.dispatchEvent(new CustomEvent(type, { detail: type === "join" ? Object.fromEntries(words) : null }));
  }
}
