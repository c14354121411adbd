/**
 * The room's event stream, kept open.
 */

const TYPES = [
  "room", "participant.joined", "participant.left", "participant.updated",
  "talking.started", "talking.stopped", "levels", "digit",
];

/** How long to wait before opening a stream again that the server refused, in milliseconds. */
const REOPEN_AFTER = 1500;

/**
 * Fires `event` (a CustomEvent whose detail is `{type, data}`) and `gap` whenever the stream breaks;
 * the next `room` event then tells everything anew.
 */
export class RoomEvents extends EventTarget {
  #address;
  /** @type {EventSource | null} */ #source = null;
  #timer = 0;

  /** @param {string} room */
  constructor(room) {
    super();
    this.#address = `/rooms/${encodeURIComponent(room)}/events`;
  }

  /** Opens the stream, or opens it anew. */
  open() {
    this.close();
    const source = new EventSource(this.#address);
    this.#source = source;
    for (const type of TYPES) {
      source.addEventListener(type, (message) => {
        this.dispatchEvent(new CustomEvent("event", { detail: { type, data: JSON.parse(message.data) } }));
      });
    }
    source.addEventListener("error", () => this.#onError(source));
  }

  close() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  /**
   * A broken stream is opened again by the browser, a refused one (404, 503) is not.
   *
   * @param {EventSource} source
   */
  #onError(source) {
    if (source !== this.#source) return;
    if (source.readyState === EventSource.CLOSED) this.#timer = setTimeout(() => this.open(), REOPEN_AFTER);
    this.dispatchEvent(new Event("gap"));
  }
}
