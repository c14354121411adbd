/**
 * The room's event stream, kept open.
 */

const TYPES = [
  "room", "participant.joined", "participant.left", "participant.updated", "participants.left", "participants.updated",
  "talking.started", "talking.stopped", "levels", "digit", "room.updated", "hearing.changed", "unmute.requested",
  "sound.started", "sound.stopped", "message",
];

/** How long to wait before opening a stream again that the server refused, in milliseconds; each time twice as long. */
const REOPEN_AFTER = 1500;

/** How often that doubles. */
const DOUBLINGS = 4;

/**
 * Fires `event` (a CustomEvent whose detail is `{type, data}`), `gap` whenever the stream breaks, and `refused` if the
 * server does not open it again. What was missed is told when it does; or a `room` event tells everything anew.
 */
export class RoomEvents extends EventTarget {
  #client;
  /** @type {EventSource | null} */ #source = null;
  #timer = 0;
  #refusals = 0;

  /** @param {import("./client.js").Client} client */
  constructor(client) {
    super();
    this.#client = client;
  }

  /** Opens the stream, or opens it anew. */
  open() {
    this.close();
    const source = new EventSource(this.#client.eventsAddress);
    this.#source = source;
    for (const type of TYPES) {
      source.addEventListener(type, (message) => {
        this.#refusals = 0;
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
   * A broken stream is opened again by the browser, which says what it heard last; a refused one (404, 503) is not.
   *
   * @param {EventSource} source
   */
  #onError(source) {
    if (source !== this.#source) return;
    if (source.readyState === EventSource.CLOSED) {
      const wait = REOPEN_AFTER * 2 ** Math.min(this.#refusals++, DOUBLINGS);
      this.#timer = setTimeout(() => this.open(), wait);
      this.dispatchEvent(new Event("refused"));
    }
    this.dispatchEvent(new Event("gap"));
  }
}
