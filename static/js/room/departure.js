/**
 * What is said to somebody who was sent away, or whose conference is over. Pure.
 */

import { whoDid } from "./actors.js";

/** @typedef {import("./roster.js").Roster} Roster */

/** What is said to somebody who finds out only afterwards that they were sent away. */
export const SENT_AWAY = {
  title: "You were removed",
  lead: "Somebody removed you from the room. To come back, ask whoever runs it.",
};

/**
 * What is said to somebody who was sent away, or whose conference is over.
 *
 * @param {string} departure  as in the event `participant.left`
 * @param {string | null | undefined} by
 * @param {string} reason  the server's words
 * @param {Roster} roster
 * @returns {{title: string, lead: string} | null}  null if they may come back by themselves
 */
export function farewell(departure, by, reason, roster) {
  if (departure === "removed") {
    return {
      title: "You were removed",
      lead: `${whoDid(by, roster, null)} removed you from the room. To come back, ask whoever runs it.`,
    };
  }
  if (departure !== "ended") return null;
  const lead = by ? `${whoDid(by, roster, null)} ended it for everybody.` : reason || "It was ended for everybody.";
  return { title: "The conference is over", lead };
}
