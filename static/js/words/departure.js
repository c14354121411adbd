/**
 * What is said to somebody who was sent away, or whose conference is over. Pure.
 */

import { text } from "../texts/texts.js";
import { whoDid } from "./actors.js";

/** @typedef {import("../room/roster.js").Departure} Departure */
/** @typedef {import("../room/roster.js").Roster} Roster */

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
