/**
 * The view before joining (and after leaving): a form, and what went wrong.
 */

import { roomNameProblem } from "../page/address.js";
import { byId, setText } from "../page/dom.js";
import { recall, remember } from "../page/memory.js";
import { text } from "../texts/texts.js";

/**
 * @typedef {object} Wish
 * @property {string} room
 * @property {string} name
 * @property {string} pin  empty if none was asked for
 */

/**
 * Fires `join` (a CustomEvent with a Wish), `listen` when the person will join without a microphone, and `explained` (a
 * CustomEvent with the sentence) when they are told why they are not in.
 */
export class JoinView extends EventTarget {
  #view = byId("join-view");
  #title = byId("join-title");
  #lead = byId("join-lead");
  #form = byId("join-form", HTMLFormElement);
  #name = byId("name", HTMLInputElement);
  #room = byId("room", HTMLInputElement);
  #pin = byId("pin", HTMLInputElement);
  #button = byId("join-button", HTMLButtonElement);
  #message = byId("join-message");
  #listen = byId("join-listen", HTMLButtonElement);
  #invited;
  /** Whether the button brings somebody back into their seat. */
  #comesBack = false;

  /** @param {import("../page/address.js").Invitation} invitation */
  constructor(invitation) {
    super();
    this.#invited = invitation.name;
    this.#name.value = invitation.name || recall("name");
    this.#room.value = invitation.room;
    if (invitation.room) setText(this.#title, text("join.title-of", { room: invitation.room }));
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.#listen.addEventListener("click", () => {
      this.dispatchEvent(new Event("listen"));
      this.submit();
    });
    this.#room.addEventListener("input", () => this.#onOtherRoom());
    this.#pin.addEventListener("input", () => mark(this.#pin, false));
  }

  /**
   * Fills in what a token says, where the address says nothing else.
   *
   * @param {string} room
   * @param {string} name
   */
  fill(room, name) {
    if (room && !this.#room.value) {
      this.#room.value = room;
      setText(this.#title, text("join.title-of", { room }));
    }
    if (name && !this.#invited) this.#name.value = name;
  }

  /** The room's name, as it stands in the form. */
  get room() {
    return this.#room.value.trim();
  }

  /** @param {string} room  which somebody has chosen */
  choose(room) {
    this.#setRoom(room);
    (this.#name.value ? this.#button : this.#name).focus();
  }

  /**
   * Fills in what the page around this one asks for.
   *
   * @param {string} room  empty to leave it as it is
   * @param {string} name  the same
   */
  preset(room, name) {
    if (room && room !== this.room) this.#setRoom(room);
    if (name) this.#name.value = name;
  }

  /**
   * Offers somebody their seat again.
   *
   * @param {import("../call/keptseat.js").KeptSeat} seat
   */
  offerSeat(seat) {
    this.#room.value = seat.room;
    this.#name.value = seat.name;
    this.#comesBack = true;
    setText(this.#title, text("join.come-back-to", { room: seat.room }));
    setText(this.#lead, text("join.come-back-lead"));
  }

  /** The seat is taken, or is none any more: the button joins, as ever. */
  withdrawSeat() {
    this.#comesBack = false;
    this.busy(false);
  }

  /** @param {boolean} only  whether the person is here to listen, and needs no microphone */
  listenOnly(only) {
    byId("listen-only").hidden = !only;
    byId("microphone-field").hidden = only;
    byId("original-field").hidden = only;
  }

  /**
   * Asks for the room's PIN.
   *
   * @param {string} sentence  why
   * @param {boolean} wrong  whether there was one, and it was not right
   */
  askPin(sentence, wrong) {
    this.explain(sentence, false);
    byId("pin-field").hidden = false;
    mark(this.#pin, wrong);
    this.#pin.select();
    this.#pin.focus();
  }

  /** Shows the view; the first empty box gets the focus. */
  show() {
    this.busy(false);
    this.#view.hidden = false;
    byId("join-devices").append(byId("devices"));
    document.title = text("conference");
    if (window.parent !== window && !document.hasFocus()) return; // the page around this one has it
    const empty = [this.#name, this.#room].find((box) => box.value === "");
    (empty ?? this.#button).focus();
  }

  /**
   * Shows the view to somebody who was in a room.
   *
   * @param {string} title
   * @param {string} lead
   */
  showAfter(title, lead) {
    setText(this.#title, title);
    setText(this.#lead, lead);
    this.show();
    this.#title.focus();
  }

  hide() {
    this.#view.hidden = true;
    this.clear();
    this.#forgetPin();
  }

  /** Checks the form and asks to join. */
  submit() {
    const wish = { room: this.room, name: this.#name.value.trim(), pin: this.#pin.value.trim() };
    const problem = roomNameProblem(wish.room);
    if (problem) {
      this.explain(problem, false);
      mark(this.#room, true);
      this.#room.focus();
      return;
    }
    this.clear();
    remember("name", wish.name);
    this.dispatchEvent(new CustomEvent("join", { detail: wish }));
  }

  /** @param {boolean} joining */
  busy(joining) {
    const [idle, busy] = this.#comesBack ? [text("join.come-back"), text("join.coming-back")] : [text("join.button"), text("join.joining")];
    setText(this.#button, joining ? busy : idle);
    this.#button.setAttribute("aria-disabled", String(joining));
    this.#form.classList.toggle("is-busy", joining);
  }

  /**
   * @param {string} sentence
   * @param {boolean} offerListening
   */
  explain(sentence, offerListening) {
    setText(byId("join-message-text"), sentence);
    this.#listen.hidden = !offerListening;
    this.#message.hidden = false;
    this.#message.scrollIntoView({ block: "nearest" });
    this.dispatchEvent(new CustomEvent("explained", { detail: sentence }));
  }

  clear() {
    this.#message.hidden = true;
    mark(this.#room, false);
  }

  /** @param {string} room */
  #setRoom(room) {
    this.#room.value = room;
    this.#onOtherRoom();
  }

  #onOtherRoom() {
    mark(this.#room, false);
    this.#forgetPin(); // it was that of another room
  }

  #forgetPin() {
    this.#pin.value = "";
    mark(this.#pin, false);
    byId("pin-field").hidden = true;
  }
}

/**
 * @param {HTMLInputElement} box
 * @param {boolean} wrong
 */
function mark(box, wrong) {
  if (wrong) box.setAttribute("aria-invalid", "true");
  else box.removeAttribute("aria-invalid");
}
