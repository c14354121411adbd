/**
 * While somebody is handed over: how far that has come, and what can be done, above the people.
 */

import { attempt } from "../page/attempt.js";
import { byId, setText } from "../page/dom.js";
import { toast } from "../page/toast.js";
import { isBeingCalled } from "../words/callstate.js";
import { text } from "../texts/texts.js";

export class TransferView {
  #banner = byId("transfer");
  #text = byId("transfer-text");
  #join = byId("transfer-join");
  #complete = byId("transfer-complete");
  /** @type {import("../call/session.js").Session | null} */ #session = null;
  /** @type {import("./calls.js").Calls | null} */ #calls = null;
  /** @type {import("./calls.js").Transfer | null} */ #transfer = null;
  #asked = false;
  /** Whether whoever is called for it has been here: the server's answer may come before it tells of them. */
  #seen = false;

  constructor() {
    this.#join.addEventListener("click", () => void this.#bringTogether(false));
    this.#complete.addEventListener("click", () => void this.#bringTogether(true));
    byId("transfer-cancel").addEventListener("click", () => void this.#cancel());
  }

  /**
   * @param {import("../call/session.js").Session} session
   * @param {import("./calls.js").Calls} calls
   */
  start(session, calls) {
    this.#session = session;
    this.#calls = calls;
    this.#transfer = null;
    this.#asked = false;
    this.#banner.hidden = true;
  }

  /** @param {import("./calls.js").Transfer} transfer */
  begun(transfer) {
    this.#transfer = transfer;
    this.#seen = false;
    this.renew();
  }

  /** Whether one is going on: we talk to one person alone, or to nobody. */
  get going() {
    return this.#transfer !== null;
  }

  /** Shows what has changed meanwhile. */
  renew() {
    const session = this.#session;
    if (!session) return;
    if (!this.#asked && session.moderates && !session.waiting && [...session.roster.values()].some((one) => one.held)) void this.#ask();
    const transfer = this.#transfer;
    const callee = transfer && session.roster.get(transfer.callee);
    const caller = transfer && session.roster.get(transfer.caller);
    if (callee) this.#seen = true;
    if (transfer && ((!callee && this.#seen) || !caller)) this.#transfer = null; // the server has taken it back
    const shown = Boolean(callee && caller);
    if (!shown && this.#banner.contains(document.activeElement)) byId("room-title").focus();
    this.#banner.hidden = !shown;
    if (!callee || !caller) return;
    const rings = isBeingCalled(callee);
    setText(this.#text, text(rings ? "transfer.calling" : "transfer.talking", { callee: callee.name, caller: caller.name }));
    this.#join.hidden = this.#complete.hidden = rings;
  }

  /** Asks once whether we have begun one before this page was loaded. */
  async #ask() {
    this.#asked = true;
    const session = this.#session;
    const there = await this.#calls?.transfers().catch(() => []);
    if (this.#session !== session || this.#transfer) return;
    this.#transfer = there?.find((one) => one.agent === session?.ownId) ?? null;
    if (this.#transfer) this.renew();
  }

  /** @param {boolean} leaving  we leave the others to it, by ourselves */
  async #bringTogether(leaving) {
    const transfer = this.#transfer;
    if (!transfer || !this.#calls) return;
    const done = await attempt(this.#calls.join(transfer.id));
    if (!done) return;
    this.#over();
    if (leaving) byId("leave").click();
    else toast(text("transfer.together"));
  }

  async #cancel() {
    const transfer = this.#transfer;
    if (!transfer || !this.#calls) return;
    await attempt(this.#calls.cancel(transfer.id));
    this.#over();
  }

  #over() {
    this.#transfer = null;
    this.renew();
  }
}
