/**
 * Everything that can go wrong, as a sentence that says what to do. Pure.
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
    this.status = status;
    this.retryAfter = retryAfter;
    this.type = type;
  }

  /** Whether the same request may well succeed later. */
  get passing() {
    return this.status === 429 || this.status >= 500;
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

/**
 * What to say to somebody who needs an invitation, or a PIN.
 *
 * @param {unknown} error
 * @param {boolean} invited  they brought an invitation, which is not good any more
 */
export function pinQuestion(error, invited) {
  const message = error instanceof Refused ? sentence(error.message) : "";
  if (invited) return `${message} If you know the room's PIN, enter it.`;
  if (/^This room has a PIN/.test(message)) return message;
  return "This room needs an invitation: open the link that you were sent. If you know the room's PIN, enter it.";
}

/**
 * Why a PIN did not help.
 *
 * @param {unknown} error
 */
export function pinProblem(error) {
  if (error instanceof Refused && error.status === 403) {
    return "That is not the room's PIN, or the room has none. Check it with whoever invited you.";
  }
  return requestProblem(error);
}

/** The server could not be reached at all. */
export class Unreachable extends Error {
  constructor() {
    super("The server does not answer. Check your network; then try again.");
    this.name = "Unreachable";
  }
}

/** Signalling worked, sound did not. */
export class NoMedia extends Error {
  constructor() {
    super(
      "The server answers, but sound does not get through. A firewall may be blocking UDP: "
        + "try another network, or ask whoever runs the server for a TURN server.",
    );
    this.name = "NoMedia";
  }
}

/**
 * @typedef {object} Capabilities
 * @property {boolean} secure  the page is a secure context
 * @property {boolean} webrtc  the browser has RTCPeerConnection
 * @property {boolean} microphone  the browser offers getUserMedia
 */

/**
 * What stands in the way before anything was tried.
 *
 * @param {Capabilities} has
 * @returns {{text: string, canListen: boolean} | null}  null when nothing does
 */
export function missingCapability(has) {
  if (!has.webrtc) {
    return {
      text: "This browser cannot make calls (it has no WebRTC, or it is switched off). "
        + "A current Firefox, Chrome, Edge or Safari can.",
      canListen: false,
    };
  }
  if (!has.secure) {
    return {
      text: "Browsers give the microphone only to secure pages. Open this page with https://, "
        + "or on the server's own machine as http://localhost. You can still join and listen.",
      canListen: true,
    };
  }
  if (!has.microphone) {
    return { text: "This browser offers no microphone to pages. You can still join and listen.", canListen: true };
  }
  return null;
}

/**
 * Why getUserMedia failed.
 *
 * @param {unknown} error
 * @returns {string}
 */
export function microphoneProblem(error) {
  switch (error instanceof Error ? error.name : "") {
    case "NotAllowedError":
    case "SecurityError":
      return "The microphone is blocked for this page. Allow it (the icon beside the address), then try again; "
        + "or join without one.";
    case "NotFoundError":
    case "OverconstrainedError":
      return "No microphone was found. Plug one in, or choose another; or join without one.";
    case "NotReadableError":
    case "AbortError":
      return "The microphone is in use by another program, or does not respond. Close the other program, or choose "
        + "another microphone; or join without one.";
    default:
      return "The microphone could not be turned on. Choose another one; or join without one.";
  }
}

/**
 * Why joining failed.
 *
 * @param {unknown} error
 * @returns {string}
 */
export function joinProblem(error) {
  if (error instanceof Refused) return refusal(error);
  if (error instanceof Unreachable || error instanceof NoMedia) return error.message;
  return "Joining did not work. Try again; if it keeps happening, reload the page.";
}

/**
 * Why something else that somebody asked for did not happen.
 *
 * @param {unknown} error
 * @returns {string}
 */
export function requestProblem(error) {
  if (error instanceof Refused) return refusal(error);
  return error instanceof Unreachable ? error.message : "That did not work. Try again.";
}

/** @param {Refused} refused */
function refusal(refused) {
  if (/try again/i.test(refused.message)) return sentence(refused.message); // the server said it all
  if (refused.status === 429 && refused.retryAfter > 0) {
    return `${sentence(refused.message)} Try again in ${refused.retryAfter} s.`;
  }
  if (refused.status === 503) return `${sentence(refused.message)} Try again in a moment.`;
  return sentence(refused.message);
}

/** @param {string} text */
function sentence(text) {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
