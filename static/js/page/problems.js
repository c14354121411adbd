/**
 * What went wrong between the page and the server, as a sentence that says what to do. Pure.
 */

import { NoMedia, Refused, Unreachable } from "../signalling/errors.js";
import { text } from "../texts/texts.js";

/** What is said about a kind of problem that the server names; else it says what it is in English. */
const KINDS = /** @type {const} */ ({
  "urn:conference:problem:muted": "problem.muted",
  "urn:conference:problem:removed": "problem.removed",
});

/**
 * Why joining failed.
 *
 * @param {unknown} error
 * @returns {string}
 */
export function joinProblem(error) {
  return known(error) ?? text("problem.join");
}

/**
 * Why something else that somebody asked for did not happen.
 *
 * @param {unknown} error
 * @returns {string}
 */
export function requestProblem(error) {
  return known(error) ?? text("problem.request");
}

/**
 * What to say to somebody who needs an invitation, or a PIN.
 *
 * @param {unknown} error
 * @param {boolean} invited  they brought an invitation, which is not good any more
 */
export function pinQuestion(error, invited) {
  const message = error instanceof Refused ? error.message : "";
  if (invited) return text("problem.pin-instead", { sentence: sentence(message) });
  return text(/^This room has a PIN/.test(message) ? "problem.pin-needed" : "problem.invitation-needed");
}

/**
 * Why a PIN did not help.
 *
 * @param {unknown} error
 */
export function pinProblem(error) {
  return error instanceof Refused && error.status === 403 ? text("problem.pin-wrong") : requestProblem(error);
}

/**
 * @param {unknown} error
 * @returns {string | null}  null if it is of no kind that is known
 */
function known(error) {
  if (error instanceof Refused) return refusal(error);
  if (error instanceof Unreachable) return text("problem.unreachable");
  return error instanceof NoMedia ? text("problem.no-media") : null;
}

/** @param {Refused} refused */
function refusal(refused) {
  const kind = KINDS[/** @type {keyof typeof KINDS} */ (refused.type)];
  if (kind) return text(kind);
  const said = refused.title ? sentence(refused.title) : text("problem.refused", { status: refused.status });
  if (/try again/i.test(said)) return said; // the server said it all
  if (refused.status === 429 && refused.retryAfter > 0) return text("problem.wait", { sentence: said, seconds: refused.retryAfter });
  return refused.status === 503 ? text("problem.soon", { sentence: said }) : said;
}

/** @param {string} words */
function sentence(words) {
  return /[.!?]$/.test(words) ? words : `${words}.`;
}
