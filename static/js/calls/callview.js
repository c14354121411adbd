/**
 * Calls somebody, for those who may: a dialog, in which somebody else may be handed over to them.
 */

import { attempt } from "../page/attempt.js";
import { byId, closeOnClick, setText } from "../page/dom.js";
import { toast } from "../page/toast.js";
import { whomToCall } from "../words/callstate.js";
import { may } from "../room/rights.js";
import { text } from "../texts/texts.js";
import { Calls } from "./calls.js";
import { TransferView } from "./transferview.js";

export class CallView {
  #dialog = byId("call-dialog", HTMLDialogElement);
  #opener = byId("call");
  #whom = byId("call-whom", HTMLInputElement);
  #name = byId("call-name", HTMLInputElement);
  #transfer = new TransferView();
  /** @type {import("../call/session.js").Session | null} */ #session = null;
  /** @type {Calls | null} */ #calls = null;
  #kinds = { bots: false, phones: false };
  #asked = false;
  /** Who is handed over to whoever is called; empty for nobody. */
  #caller = "";

  constructor() {
    this.#opener.addEventListener("click", () => this.#open(""));
    closeOnClick(this.#dialog, byId("call-close"));
    byId("call-form").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#place();
    });
  }

  /** @param {import("../call/session.js").Session} session */
  start(session) {
    this.#session = session;
    this.#calls = new Calls(session.client);
    this.#kinds = { bots: false, phones: false };
    this.#asked = false;
    this.#opener.hidden = true;
    this.#transfer.start(session, this.#calls);
  }

  /** Whether anybody may be handed over from here. */
  get handsOver() {
    const session = this.#session;
    return Boolean(session?.moderates && !session.waiting && may(session.access, "dial") && this.#any());
  }

  /** Whether we are just handing somebody over. */
  get transferring() {
    return this.#transfer.going;
  }

  /** Shows what has changed meanwhile. */
  renew() {
    const session = this.#session;
    if (!session) return;
    const wanted = may(session.access, "dial") && !session.waiting;
    if (wanted && !this.#asked) void this.#ask();
    this.#opener.hidden = !(wanted && this.#any());
    if (this.#dialog.open && (this.#opener.hidden || (this.#caller && !session.roster.has(this.#caller)))) this.#dialog.close();
    this.#transfer.renew();
  }

  /** @param {string} caller  who is to be handed over, by id */
  handOver(caller) {
    this.#open(caller);
  }

  /** Asks once whom this server calls at all. */
  async #ask() {
    this.#asked = true;
    const kinds = await this.#calls?.kinds().catch(() => null);
    if (kinds) this.#kinds = kinds;
    this.renew();
  }

  #any() {
    return this.#kinds.bots || this.#kinds.phones;
  }

  /** @param {string} caller */
  #open(caller) {
    this.#caller = caller;
    const { bots, phones } = this.#kinds;
    const person = this.#session?.roster.get(caller);
    setText(byId("call-title"), person ? text("call.title-for", { name: person.name }) : text("call.title"));
    const hint = person ? text("call.lead", { name: person.name }) : "";
    setText(byId("call-lead"), hint);
    byId("call-lead").hidden = !hint;
    setText(byId("call-whom-label"), text(phones ? (bots ? "call.number-or-bot" : "call.number") : "call.bot"));
    this.#whom.inputMode = bots ? "text" : "tel";
    this.#whom.placeholder = phones ? "+1 555 123 4567" : "wss://bot.example.org/stream";
    this.#whom.value = this.#name.value = "";
    this.#dialog.showModal();
    this.#whom.focus();
  }

  async #place() {
    const [session, calls, caller] = [this.#session, this.#calls, this.#caller];
    const whom = whomToCall(this.#whom.value);
    if (!session || !calls) return;
    if (!whom) {
      toast(text(this.#kinds.phones ? "call.wrong-number" : "call.wrong-address"));
      this.#whom.focus();
      return;
    }
    const name = this.#name.value.trim();
    const done = await attempt(caller ? calls.handOver(caller, session.ownId ?? "", whom, name) : calls.place(whom, name));
    if (done === undefined || this.#session !== session) return;
    if (caller) this.#transfer.begun(/** @type {import("./calls.js").Transfer} */ (done));
    this.#dialog.close();
  }
}
