/**
 * What went wrong between the page and the server, as a sentence that says what to do. Pure.
 */

import { NoMedia, Refused, Unreachable } from "./errors.js";

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
