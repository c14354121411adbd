/**
 * What can go wrong between the page and the server. Pure.
 */

/** What the server answered instead of what was asked for. */
export class Refused extends Error {
  /**
   * @param {number} status  the HTTP status
   * @param {string} title  the server's own sentence (RFC 9457), or empty
   * @param {number} retryAfter  seconds; 0 if the server named none
   * @param {string} type  what kind of problem it is, or empty
   */
  constructor(status, title, retryAfter = 0, type = "") {
    super(title || `The server refused (status ${status}).`);
    this.name = "Refused";
    this.title = title;
    this.status = status;
    this.retryAfter = retryAfter;
    this.type = type;
  }

  /** Whether the same request may well succeed later. */
  get passing() {
    return this.status === 429 || this.status >= 500;
  }
}

/** The server could not be reached at all. */
export class Unreachable extends Error {
  constructor() {
    super("The server does not answer.");
    this.name = "Unreachable";
  }
}

/** Signalling worked, sound did not. */
export class NoMedia extends Error {
  constructor() {
    super("The server answers, but sound does not get through: a firewall may be blocking UDP.");
    this.name = "NoMedia";
  }
}

/**
 * Whether the server keeps somebody out whom it has sent away.
 *
 * @param {unknown} error
 */
export function isSentAway(error) {
  return error instanceof Refused && error.type === "urn:conference:problem:removed";
}

/**
 * Whether an invitation is no good; else it may be that the server could not be asked.
 *
 * @param {unknown} error
 */
export function isTurnedDown(error) {
  return error instanceof Refused && !error.passing;
}

/**
 * Whether somebody without an invitation was turned down, and a PIN may help.
 *
 * @param {unknown} error
 */
export function isPinWanted(error) {
  return error instanceof Refused && error.status === 401;
}
