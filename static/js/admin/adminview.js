/**
 * The administrator's page as it is seen: figures, rooms and recordings. What stays is not made anew, so that a
 * pointer or the keyboard's focus stays on it.
 */

import { byId, make, putAt, setText } from "../page/dom.js";
import { dayAndTime, formatDuration, timeOfDay } from "../page/time.js";
import { number, text } from "../texts/texts.js";
import { recordingState } from "../words/recordingstate.js";

/** From which on a figure is worth a look. */
const HIGH_LOAD = 0.9;
const HIGH_LATE = 0.01;

const ROLES = /** @type {const} */ ({ host: "admin.host", speaker: "admin.speaker", listener: "admin.listener" });

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** Fires `token`, `open` ({room, open}), `lock` ({room, locked}) and `end` (the room), each a CustomEvent. */
export class AdminView extends EventTarget {
  #entry = byId("admin-entry", HTMLFormElement);
  #token = byId("admin-token", HTMLInputElement);
  #all = byId("admin-all");
  /** @type {Map<string, RoomCard>} */ #rooms = new Map();
  /** @type {Map<string, HTMLLIElement>} */ #recordings = new Map();
  /** Ticks, and those that were late, when they were last told. */
  #before = { ticks: 0, late: 0 };

  constructor() {
    super();
    this.#entry.addEventListener("submit", (event) => {
      event.preventDefault();
      this.dispatchEvent(new CustomEvent("token", { detail: this.#token.value.trim() }));
      this.#token.value = "";
    });
  }

  /** @param {string} sentence  why what we have shown lets us not in */
  ask(sentence) {
    setText(byId("admin-refused"), sentence);
    setText(byId("admin-state"), "");
    this.#all.hidden = true;
    this.#entry.hidden = false;
    this.#token.focus();
  }

  lost() {
    setText(byId("admin-state"), text("admin.lost"));
  }

  /** @param {import("./overview.js").Shown} shown */
  show({ overview, rooms, recordings }) {
    if (!this.#entry.hidden) byId("admin-title").focus();
    this.#entry.hidden = true;
    this.#all.hidden = false;
    setText(byId("admin-state"), "");
    this.#showFigures(overview);
    this.#showRooms(overview.rooms, rooms);
    this.#showRecordings(recordings);
  }

  /** @param {any} overview */
  #showFigures(overview) {
    const ticks = overview.ticks - this.#before.ticks;
    const late = ticks > 0 ? (overview.ticks_late - this.#before.late) / ticks : 0;
    this.#before = { ticks: overview.ticks, late: overview.ticks_late };
    setText(byId("figure-rooms"), number(overview.rooms.length));
    setText(byId("figure-people"), number(overview.participants));
    setText(byId("figure-talking"), number(overview.talking));
    showPercent(byId("figure-load"), overview.load, HIGH_LOAD);
    showPercent(byId("figure-late"), Math.max(0, late), HIGH_LATE);
    byId("figure-bytes-box").hidden = overview.recording_bytes === null;
    setText(byId("figure-bytes"), size(overview.recording_bytes ?? 0));
    const { draining, ends_at: endsAt } = overview.drain;
    byId("admin-draining").hidden = !draining;
    setText(byId("admin-draining"), endsAt === null ? text("admin.draining") : text("admin.draining-until", { time: timeOfDay(endsAt) }));
  }

  /**
   * @param {any[]} rooms
   * @param {Map<string, any>} open
   */
  #showRooms(rooms, open) {
    const sorted = [...rooms].sort((one, other) => other.participants - one.participants || one.name.localeCompare(other.name));
    const there = new Set(sorted.map((one) => one.name));
    for (const [name, card] of this.#rooms) if (!there.has(name)) this.#drop(name, card);
    const list = byId("admin-rooms");
    sorted.forEach((room, place) => {
      let card = this.#rooms.get(room.name);
      if (!card) {
        card = new RoomCard(room.name, (type, detail) => this.dispatchEvent(new CustomEvent(type, { detail })));
        this.#rooms.set(room.name, card);
      }
      card.show(room, open.get(room.name));
      putAt(list, card.element, place);
    });
    byId("admin-nobody").hidden = sorted.length > 0;
  }

  /**
   * @param {string} name
   * @param {RoomCard} card
   */
  #drop(name, card) {
    if (card.element.contains(document.activeElement)) byId("admin-rooms-title").focus();
    card.element.remove();
    this.#rooms.delete(name);
  }

  /** @param {any[] | null} recordings */
  #showRecordings(recordings) {
    byId("admin-recordings-section").hidden = recordings === null;
    byId("admin-no-recordings").hidden = recordings === null || recordings.length > 0;
    const list = byId("admin-recordings");
    const there = new Set((recordings ?? []).map((one) => one.id));
    for (const [id, item] of this.#recordings) {
      if (there.has(id)) continue;
      item.remove();
      this.#recordings.delete(id);
    }
    (recordings ?? []).forEach((one, place) => {
      let item = this.#recordings.get(one.id);
      if (!item) {
        item = make("li", "card");
        item.append(make("h3"), make("p", "hint"));
        this.#recordings.set(one.id, item);
      }
      setText(item.children[0], one.room);
      const told = [recordingState(one.state), dayAndTime(one.started_at), formatDuration(one.seconds), size(one.bytes)];
      setText(item.children[1], told.filter(Boolean).join(" · "));
      putAt(list, item, place);
    });
  }
}

/** One room. */
class RoomCard {
  element = make("li", "card");
  #head = make("div");
  #title = make("h3");
  #facts = make("p", "hint");
  #lock = make("button", "quiet");
  #details = make("details");
  #summary = make("summary");
  #people = make("ul", "people-list");
  #locked = false;

  /**
   * @param {string} room
   * @param {(type: string, detail: any) => void} tell
   */
  constructor(room, tell) {
    const join = make("a", "quiet button", text("admin.join"));
    join.href = `/join/${encodeURIComponent(room)}`;
    join.setAttribute("aria-label", text("admin.join-of", { room }));
    const end = make("button", "quiet danger", text("admin.end"));
    end.type = this.#lock.type = "button";
    end.setAttribute("aria-label", text("admin.end-of", { room }));
    end.addEventListener("click", () => tell("end", room));
    this.#lock.addEventListener("click", () => tell("lock", { room, locked: !this.#locked }));
    this.#details.addEventListener("toggle", () => tell("open", { room, open: this.#details.open }));
    const actions = make("div", "actions");
    actions.append(join, this.#lock, end);
    this.#head.append(this.#title, this.#facts);
    const head = make("div", "card-head");
    head.append(this.#head, actions);
    this.#details.append(this.#summary, this.#people);
    this.element.append(head, this.#details);
    setText(this.#title, room);
  }

  /**
   * @param {any} room  as the overview has it
   * @param {any} inside  as it is told who is in it; undefined if that is not known
   */
  show(room, inside) {
    this.#locked = room.locked;
    setText(this.#lock, text(room.locked ? "admin.unlock" : "admin.lock"));
    this.#lock.setAttribute("aria-label", text(room.locked ? "admin.unlock-of" : "admin.lock-of", { room: room.name }));
    const facts = room.created_at ? [formatDuration(Date.now() / 1000 - room.created_at)] : [];
    if (room.talking) facts.push(text("admin.talking-count", { count: room.talking }));
    if (room.waiting) facts.push(text("admin.waiting-count", { count: room.waiting }));
    if (room.locked) facts.push(text("admin.is-locked"));
    if (room.has_pin) facts.push(text("admin.has-pin"));
    if (room.recording) facts.push(text("admin.is-recorded"));
    setText(this.#facts, facts.join(" · "));
    setText(this.#summary, text("people.count", { count: room.participants }));
    if (inside) this.#showPeople(inside.participants);
  }

  /** @param {any[]} people */
  #showPeople(people) {
    while (this.#people.children.length > people.length) this.#people.lastElementChild?.remove();
    people.forEach((one, place) => {
      let item = this.#people.children[place];
      if (!item) {
        item = make("li");
        item.append(make("span"), make("span", "hint"));
        this.#people.append(item);
      }
      const marks = [one.transport, text(ROLES[/** @type {keyof typeof ROLES} */ (one.role)])];
      if (one.joined_at) marks.push(formatDuration(Date.now() / 1000 - one.joined_at)); // those made of code may tell none
      if (one.talking) marks.push(text("admin.mark-talking"));
      if (one.muted) marks.push(text("admin.mark-muted"));
      if (one.held) marks.push(text("admin.mark-held"));
      if (one.waiting) marks.push(text("admin.mark-waiting"));
      setText(item.children[0], one.name);
      setText(item.children[1], marks.join(" · "));
    });
  }
}

/**
 * @param {HTMLElement} element
 * @param {number} ratio  0 to 1
 * @param {number} high  from which on it is worth a look
 */
function showPercent(element, ratio, high) {
  setText(element, `${number(100 * ratio, ratio > 0 && ratio < 0.1 ? 1 : 0)} %`);
  element.parentElement?.classList.toggle("is-high", ratio >= high);
}

/** @param {number} bytes */
function size(bytes) {
  let unit = 0;
  while (bytes >= 1000 && unit < UNITS.length - 1) {
    bytes /= 1000;
    unit += 1;
  }
  return `${number(bytes, unit > 0 && bytes < 10 ? 1 : 0)} ${UNITS[unit]}`;
}
