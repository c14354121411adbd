/**
 * What keeps a browser from calling, or its microphone from being heard, as a sentence that says what to do. Pure.
 */

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
