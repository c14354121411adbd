/**
 * The line that says who talks, where there are too many people to see it at a glance. It is there to be read, and not
 * said aloud: who listens to the page hears who talks.
 */

import { byId, make, putAt, setText } from "../page/dom.js";
import { text } from "../texts/texts.js";
import { hueOf, initials } from "./appearance.js";
import { CROWD } from "./layout.js";
import { nameTalkers, nextChange, NOBODY } from "./talkers.js";

/** In rem: the width that a name is given, and what is beside the names. */
const WIDTH = 9;
const BESIDE = 6;

/** How many are named at most. */
const MOST = 6;

export class TalkersView {
  #line = byId("talkers");
  #list = byId("talkers-list");
  #more = byId("talkers-more");
  #moreCount = byId("talkers-more-count");
  #nobody = byId("talkers-nobody");
  /** @type {Map<string, HTMLElement>} */ #chips = new Map();
  /** @type {import("../room/roster.js").Roster} */ #roster = new Map();
  /** @type {ReadonlyMap<string, string>} */ #names = new Map();
  #ownId = "";
  #talkers = NOBODY;
  #timer = 0;

  constructor() {
    new ResizeObserver(() => this.#renew()).observe(this.#line);
  }

  /**
   * @param {import("../room/roster.js").Roster} roster  who is in the room
   * @param {ReadonlyMap<string, string>} names  what they are called, by id
   * @param {string | null} ownId
   */
  show(roster, names, ownId) {
    this.#roster = roster;
    this.#names = names;
    this.#ownId = ownId ?? "";
    this.#line.hidden = roster.size < CROWD;
    this.#renew();
  }

  #renew() {
    clearTimeout(this.#timer);
    if (this.#line.hidden) {
      this.#talkers = NOBODY;
      return;
    }
    const here = new Set(this.#roster.keys());
    const talking = new Set([...this.#roster.values()].filter((one) => one.talking && !one.muted).map((one) => one.id));
    this.#talkers = nameTalkers(this.#talkers, here, talking, Date.now(), this.#places());
    this.#draw();
    const next = nextChange(this.#talkers);
    if (next !== null) this.#timer = setTimeout(() => this.#renew(), Math.max(0, next - Date.now()) + 1);
  }

  #places() {
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    return Math.min(MOST, Math.max(1, Math.floor((this.#line.clientWidth / rem - BESIDE) / WIDTH)));
  }

  #draw() {
    const { named, more } = this.#talkers;
    const wanted = new Set(named.map((one) => one.id));
    for (const [id, chip] of this.#chips) {
      if (wanted.has(id)) continue;
      chip.remove();
      this.#chips.delete(id);
    }
    named.forEach(({ id, talking }, place) => {
      const person = this.#roster.get(id);
      if (person) this.#place(person, place, talking);
    });
    this.#nobody.hidden = named.length > 0;
    this.#more.hidden = more <= 0;
    setText(this.#moreCount, String(more));
  }

  /**
   * @param {import("../room/roster.js").Person} person
   * @param {number} place
   * @param {boolean} talking
   */
  #place({ id, name }, place, talking) {
    const chip = this.#chips.get(id) ?? makeChip();
    this.#chips.set(id, chip);
    const [face, words] = chip.children;
    setText(face, initials(name));
    const called = this.#names.get(id) ?? name;
    setText(words, id === this.#ownId ? text("people.you") : called);
    chip.title = called;
    chip.style.setProperty("--hue", String(hueOf(name)));
    chip.classList.toggle("is-talking", talking);
    putAt(this.#list, chip, place);
  }
}

function makeChip() {
  const chip = make("li", "talker");
  const face = make("span", "initials");
  face.setAttribute("aria-hidden", "true");
  chip.append(face, make("span", "talker-name"));
  return chip;
}
