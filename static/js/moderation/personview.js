/**
 * One person: what we may do about them, in a dialog.
 */

import { attempt } from "../page/attempt.js";
import { confirmed } from "../page/confirm.js";
import { byId, closeOnClick, make, setText } from "../page/dom.js";
import { toast } from "../page/toast.js";
import { shownNames } from "../people/displaynames.js";
import { marksOf } from "../people/marks.js";
import { onlyHearers } from "../room/hearing.js";
import { actionsFor } from "../room/rights.js";
import { split } from "../room/roster.js";
import { text } from "../texts/texts.js";

/** @typedef {import("../room/roster.js").Person} Person */

/** How long a slider may rest before the server is told, in milliseconds. */
const REST = 150;

/** Fires `transfer` (`{id}`) when somebody is to be handed over. */
export class PersonView extends EventTarget {
  #dialog = byId("person-dialog", HTMLDialogElement);
  #volume = byId("person-volume", HTMLInputElement);
  #name = byId("person-name", HTMLInputElement);
  #whisper = byId("person-whisper", HTMLDetailsElement);
  #list = byId("whisper-list");
  #id = "";
  #timer = 0;
  /** @type {import("../call/session.js").Session | null} */ #session = null;
  /** @type {import("./moderation.js").Moderation | null} */ #moderation = null;

  /**
   * @param {() => boolean} handsOver  whether anybody may be handed over here: that takes a server that calls others
   */
  constructor(handsOver) {
    super();
    this.handsOver = handsOver;
    closeOnClick(this.#dialog, byId("person-close"));
    for (const button of this.#dialog.querySelectorAll("button[data-action]")) {
      button.addEventListener("click", () => void this.#act(/** @type {HTMLElement} */ (button).dataset.action ?? ""));
    }
    for (const radio of this.#dialog.querySelectorAll("input[name=role]")) {
      radio.addEventListener("change", () => this.#change({ role: /** @type {HTMLInputElement} */ (radio).value }));
    }
    this.#volume.addEventListener("input", () => this.#onVolume());
    byId("person-rename").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#rename();
    });
    byId("whisper-start").addEventListener("click", () => void this.#startWhisper());
    byId("whisper-end").addEventListener("click", () => void attempt(this.#do().endWhisper(this.#id)));
  }

  /**
   * @param {import("../call/session.js").Session} session
   * @param {import("./moderation.js").Moderation} moderation
   * @param {string} id
   */
  open(session, moderation, id) {
    this.#session = session;
    this.#moderation = moderation;
    this.#id = id;
    this.#timer = 0; // what is still to be said about somebody else is said, and does not hold up this slider
    const person = session.roster.get(id);
    if (!person) return;
    this.#name.value = person.name;
    this.#whisper.open = false;
    this.#list.replaceChildren();
    this.#show(person);
    this.#dialog.showModal();
  }

  /** Shows what has changed meanwhile; closes when they are gone, or nothing may be done about them any more. */
  renew() {
    if (!this.#dialog.open) return;
    const person = this.#session?.roster.get(this.#id);
    if (person && this.#actions(person).length > 0) return this.#show(person);
    this.#dialog.close();
    byId("room-title").focus(); // the button that opened it is gone as well
  }

  close() {
    this.#dialog.close();
  }

  /**
   * Closes after a request; unless it took so long that somebody else is shown by now.
   *
   * @param {string} id  whom it was about
   */
  #closeIf(id) {
    if (id === this.#id) this.#dialog.close();
  }

  #do() {
    if (!this.#moderation) throw new Error("nobody is shown");
    return this.#moderation;
  }

  /** @param {Person} person */
  #actions(person) {
    const all = this.#session ? actionsFor(this.#session.access, person, this.#session.ownId) : [];
    return this.handsOver() ? all : all.filter((action) => action !== "transfer");
  }

  /** @param {Person} person */
  #show(person) {
    const session = this.#session;
    if (!session) return;
    const focused = document.activeElement;
    const own = person.id === session.ownId;
    const actions = this.#actions(person);
    const name = own ? text("people.you-behind", { name: person.name }) : shownNames(session.roster).get(person.id) ?? person.name;
    setText(byId("person-title"), name);
    byId("person-title").title = name;
    const facts = marksOf(person, session.roster, session.ownId).map((mark) => mark.full);
    setText(byId("person-facts"), person.waiting ? text("person.waiting") : facts.join(" · "));
    for (const part of this.#dialog.querySelectorAll("[data-action]")) {
      const element = /** @type {HTMLElement} */ (part);
      element.hidden = !actions.includes(/** @type {any} */ (element.dataset.action));
    }
    this.#label("hold", text(person.held ? "person.unhold" : "person.hold"));
    this.#label("deafen", deafenLabel(person.deafened, own));
    for (const radio of this.#dialog.querySelectorAll("input[name=role]")) {
      const input = /** @type {HTMLInputElement} */ (radio);
      input.checked = input.value === person.role;
    }
    this.#showHearing(session, person, own);
    this.#keepFocus(focused);
  }

  /**
   * Goes on with what is shown in the place of a focused button that is not shown any more.
   *
   * @param {Element | null} focused
   */
  #keepFocus(focused) {
    if (!focused?.closest("#person-dialog [hidden]")) return;
    /** @type {Element | null} */
    let next = focused;
    while (next instanceof HTMLElement && next.hidden) next = next.nextElementSibling;
    (next instanceof HTMLElement ? next : byId("person-close")).focus();
  }

  /**
   * @param {import("../call/session.js").Session} session
   * @param {Person} person
   * @param {boolean} own
   */
  #showHearing(session, person, own) {
    const { rules } = session.roomState;
    if (!this.#timer) this.#showVolume(session.volumeOf(person.id));
    const ours = session.ownId ? onlyHearers(rules, session.ownId) : null;
    this.#label("coach", ours?.length === 1 && ours[0] === person.id ? text("person.uncoach") : text("person.coach"));
    setText(byId("whisper-title"), text(own ? "person.hearers-you" : "person.hearers"));
    setText(byId("whisper-legend"), text(own ? "person.only-those-you" : "person.only-those"));
    const hearers = onlyHearers(rules, person.id);
    byId("whisper-end").hidden = hearers === null;
    this.#listHearers(session, person, new Set(hearers ?? []));
  }

  /**
   * Keeps what is ticked, and the focus, while people come and go.
   *
   * @param {import("../call/session.js").Session} session
   * @param {Person} person
   * @param {Set<string>} hearers
   */
  #listHearers(session, person, hearers) {
    const lines = new Map([...this.#list.children].map((line) => [line.querySelector("input")?.value ?? "", line]));
    const others = [...split(session.roster).here.values()].filter((one) => one.id !== person.id);
    const names = shownNames(session.roster);
    for (const one of others) {
      const line = lines.get(one.id) ?? hearerLine(one.id, hearers.has(one.id));
      setText(/** @type {Element} */ (line.lastElementChild), one.id === session.ownId ? text("people.you-behind", { name: one.name }) : names.get(one.id) ?? one.name);
      if (!lines.delete(one.id)) this.#list.append(line);
    }
    for (const line of lines.values()) line.remove();
    byId("whisper-start", HTMLButtonElement).disabled = others.length === 0;
  }

  /** @param {string} action */
  async #act(action) {
    const session = this.#session;
    const person = session?.roster.get(this.#id);
    if (!session?.ownId || !person) return;
    switch (action) {
      case "mute":
        return this.#change({ muted: true });
      case "ask":
        await attempt(this.#do().askToUnmute(person.id).then(() => toast(text("person.asked", { name: person.name }))));
        return this.#closeIf(person.id);
      case "lower":
        return this.#change({ hand_raised: false });
      case "admit":
        await this.#change({ waiting: false });
        return this.#closeIf(person.id);
      case "hold":
        return this.#change({ held: !person.held });
      case "deafen":
        return this.#change({ deafened: !person.deafened });
      case "coach":
        return this.#coach(session.ownId, person.id);
      case "transfer":
        this.#dialog.close();
        return this.dispatchEvent(new CustomEvent("transfer", { detail: { id: person.id } }));
      case "hang-up":
        await attempt(this.#do().remove(person.id));
        return this.#closeIf(person.id);
      case "remove":
        return this.#remove(person);
    }
  }

  /** @param {object} changes */
  async #change(changes) {
    const done = await attempt(this.#do().change(this.#id, changes));
    if (done === undefined) this.renew(); // as it was
  }

  async #rename() {
    const name = this.#name.value.trim();
    if (name) await this.#change({ name });
  }

  /**
   * @param {string} ownId
   * @param {string} agent
   */
  async #coach(ownId, agent) {
    const only = onlyHearers(this.#session?.roomState.rules ?? [], ownId);
    const ends = only?.length === 1 && only[0] === agent;
    await attempt(ends ? this.#do().endCoaching(ownId) : this.#do().coach(ownId, agent));
  }

  async #startWhisper() {
    const chosen = [...this.#list.querySelectorAll("input")].filter((box) => box.checked).map((box) => box.value);
    if (chosen.length === 0) toast(text("person.tick"));
    else await attempt(this.#do().whisper(this.#id, chosen));
  }

  /** @param {Person} person */
  async #remove(person) {
    const title = text("person.remove-title", { name: person.name });
    if (!(await confirmed(title, text("person.remove-text"), text("person.remove-yes")))) return;
    await attempt(this.#do().remove(person.id));
    this.#closeIf(person.id);
  }

  #onVolume() {
    const id = this.#id; // somebody else may be shown when the slider has come to rest
    const volume = Number(this.#volume.value) / 100;
    this.#showVolume(volume);
    clearTimeout(this.#timer);
    const timer = setTimeout(async () => {
      if (this.#session) await attempt(this.#session.setVolume(id, volume));
      if (timer !== this.#timer) return;
      this.#timer = 0;
      this.renew(); // as it was, if it was refused
    }, REST);
    this.#timer = timer;
  }

  /** @param {number} volume  0 to 2 */
  #showVolume(volume) {
    const percent = Math.round(volume * 100);
    this.#volume.value = String(percent);
    const shown = text("person.percent", { percent });
    this.#volume.setAttribute("aria-valuetext", shown);
    setText(byId("person-volume-shown"), shown);
  }

  /**
   * @param {string} action
   * @param {string} words
   */
  #label(action, words) {
    const button = this.#dialog.querySelector(`button[data-action=${action}]`);
    if (button) setText(button, words);
  }
}

/**
 * @param {string} id
 * @param {boolean} ticked
 */
function hearerLine(id, ticked) {
  const box = make("input");
  box.type = "checkbox";
  box.value = id;
  box.checked = ticked;
  const line = make("label", "check");
  line.append(box, make("span"));
  return line;
}

/**
 * @param {boolean} deafened
 * @param {boolean} own
 */
function deafenLabel(deafened, own) {
  if (own) return text(deafened ? "person.undeafen-you" : "person.deafen-you");
  return text(deafened ? "person.undeafen" : "person.deafen");
}
