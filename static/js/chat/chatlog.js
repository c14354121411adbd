/**
 * What was written in the room, as long as this page is open. Pure.
 */

import { text } from "../texts/texts.js";

/** How many messages are kept. */
export const KEPT = 200;

/**
 * @typedef {object} Message
 * @property {string | null} id  of the participant who wrote it; null for somebody who is not in the room
 * @property {string} name
 * @property {string} text
 * @property {number} sent_at  unix time in seconds
 */

/**
 * @param {readonly Message[]} log
 * @param {Message} message
 * @returns {Message[]}
 */
export function withMessage(log, message) {
  return [...log, message].slice(-KEPT);
}

/**
 * A message for those who listen to the page, cut to a length that can be borne.
 *
 * @param {Message} message
 */
export function spoken(message) {
  const words = message.text.length > 200 ? `${message.text.slice(0, 200)}…` : message.text;
  return text("chat.writes", { name: message.name, message: words });
}
