/**
 * The room's event stream, kept open.
 */

const TYPES = [
  "room", "participant.joined", "participant.left", "participant.updated", "participants.left", "participants.updated",
  "talking.started", "talking.stopped", "levels", "digit", "room.updated", "hearing.changed", "unmute.requested",
  "sound.started", "sound.stopped", "message", "caption", "server.draining",
  "recording.started", "recording.paused", "recording.resumed", "recording.stopped",
];

/** How long to wait before opening a stream again that the server refused, in milliseconds; each time twice as long. */
const REOPEN_AFTER = 1500;

/** How often that doubles. */
const DOUBLINGS = 4;

/** How long the page may be out of sight before it is not told any more how loud everybody is, in milliseconds. */
const OUT_OF_SIGHT = 10_000;

/**
 * Fires `event` (a CustomEvent whose detail is `{type, data}`), `gap` whenever the stream breaks, and `refused` if the
 * server does not open it again. What was missed is told when it does; or a `room` event tells everything anew.
 */
export class RoomEvents extends EventTarget {
  #client;
  /** @type {EventSource | null} */ #source = null;
  #timer = 0;
  #refusals = 0;
  #lastId = "";
  /** Whether somebody looks at the page. */
  #looking = true;
  /** Whether we are told how loud everybody is. */
  #levels = true;
  #lookTimer = 0;

  /** @param {import("./client.js").Client} client */
  constructor(client) {
    super();
    this.#client = client;
  }

  /** Opens the stream, or opens it anew: it begins with all there is. */
  open() {
    this.close();
    this.#lastId = "";
    this.#levels = this.#looking;
    this.#connect();
  }

  /** Goes on where the stream was, or begins. */
  #connect() {
    this.#source?.close();
    const source = new EventSource(this.#client.eventsAddress(this.#levels, this.#lastId));
    this.#source = source;
    for (const type of TYPES) {
      source.addEventListener(type, (message) => {
        this.#refusals = 0;
        this.#lastId = message.lastEventId;
        this.dispatchEvent(new CustomEvent("event", { detail: { type, data: JSON.parse(message.data) } }));
      });
    }
    source.addEventListener("error", () => this.#onError(source));
  }

  close() {
    clearTimeout(this.#lookTimer);
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  /**
   * Nobody looks at the meters of a page that is out of sight: after a while the stream goes on without.
   *
   * @param {boolean} looking
   */
  look(looking) {
    this.#looking = looking;
    clearTimeout(this.#lookTimer);
    this.#lookTimer = setTimeout(() => {
      if (this.#source === null || this.#levels === looking) return;
      this.#levels = looking;
      clearTimeout(this.#timer);
      this.#connect();
    }, looking ? 0 : OUT_OF_SIGHT);
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
      this.#timer = setTimeout(() => this.#connect(), wait);
      this.dispatchEvent(new Event("refused"));
    }
    this.dispatchEvent(new Event("gap"));
  }
}
