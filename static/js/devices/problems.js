/**
 * What keeps a browser from calling, or its microphone from being heard, as a sentence that says what to do. Pure.
 */

import { text } from "../texts/texts.js";

/** @typedef {import("../audio/microphone.js").Capabilities} Capabilities */

/**
 * What stands in the way before anything was tried.
 *
 * @param {Capabilities} has
 * @returns {{text: string, canListen: boolean} | null}  null when nothing does
 */
export function missingCapability(has) {
  if (!has.webrtc) {
    return { text: text("devices.no-webrtc"), canListen: false };
  }
  if (!has.secure) {
    return { text: text("devices.not-secure"), canListen: true };
  }
  if (!has.microphone) {
    return { text: text("devices.none-offered"), canListen: true };
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
      return text("devices.blocked");
    case "NotFoundError":
    case "OverconstrainedError":
      return text("devices.not-found");
    case "NotReadableError":
    case "AbortError":
      return text("devices.in-use");
    default:
      return text("devices.failed");
  }
}
