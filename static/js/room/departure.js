/**
 * What is said to somebody who was sent away, or whose conference is over. Pure.
 */

import { text } from "../texts/texts.js";
import { whoDid } from "./actors.js";

/** @typedef {import("./roster.js").Roster} Roster */

/**
 * @typedef {object} Departure
 * @property {"removed" | "ended"} departure  as in the event `participant.left`
 * @property {string | null} [by]  who did it; undefined for somebody who finds out only afterwards
 * @property {string} [reason]  the server's words
 */

/**
 * @param {Departure} departure
 * @param {Roster} roster
 * @returns {{title: string, lead: string}}
 */
export function farewell({ departure, by, reason }, roster) {
  if (departure === "removed") {
    const lead = by === undefined ? text("left.removed-lead") : text("left.removed-by", { who: whoDid(by, roster, null) });
    return { title: text("left.removed"), lead };
  }
  const lead = by ? text("left.over-by", { who: whoDid(by, roster, null) }) : reason || text("left.over-lead");
  return { title: text("left.over"), lead };
}
