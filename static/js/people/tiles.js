/**
 * Everybody in the room, as a list of tiles.
 */

import { fullness } from "../devices/levels.js";
import { byId, icon, make, putAt, setText } from "../page/dom.js";
import { actionsFor } from "../room/rights.js";
import { inOrder } from "../room/roster.js";
import { text } from "../texts/texts.js";
import { hueOf, initials, wayOf } from "./appearance.js";
import { handOrder, marksOf } from "./marks.js";

/** @typedef {import("../room/roster.js").Person} Person */

/**
 * Keeps the list's items in step with the roster, and moves their meters. Fires `open` (`{id}`) when somebody wants to
 * do something about a person.
 */
export class Tiles extends EventTarget {
  #list;
  /** @type {Map<string, Tile>} */ #tiles = new Map();

  /** @param {HTMLElement} list */
  constructor(list) {
    super();
    this.#list = list;
    list.addEventListener("click", (event) => {
      const button = event.target instanceof Element ? event.target.closest(".person-more") : null;
      const id = /** @type {HTMLElement | null} */ (button?.closest(".person"))?.dataset.participant;
      if (id) this.dispatchEvent(new CustomEvent("open", { detail: { id } }));
    });
  }

  /**
   * @param {import("../room/roster.js").Roster} roster
   * @param {ReadonlyMap<string, string>} names  what they are called, by id
   * @param {string | null} ownId
   * @param {import("../room/rights.js").Access} access  what we may do about them
   */
  show(roster, names, ownId, access) {
    for (const [id, tile] of this.#tiles) {
      if (!roster.has(id)) {
        if (tile.element.contains(document.activeElement)) byId("room-title").focus();
        tile.element.remove();
        this.#tiles.delete(id);
      }
    }
    const hands = handOrder(roster);
    inOrder(roster, ownId).forEach((person, place) => {
      const tile = this.#place(person.id, place);
      tile.show(person, {
        name: names.get(person.id) ?? person.name,
        own: person.id === ownId,
        marks: marksOf(person, roster, ownId),
        hand: hands.get(person.id) ?? 0,
        more: actionsFor(access, person, ownId).length > 0,
      });
    });
  }

  /**
   * @param {Record<string, number>} levels  dBov by id; who is missing is silent
   * @param {string | null} exceptId  whose meter is moved elsewhere
   */
  showLevels(levels, exceptId) {
    for (const [id, tile] of this.#tiles) {
      if (id !== exceptId) tile.showLevel(levels[id] ?? -127);
    }
  }

  /**
   * @param {string} id
   * @param {number} level  dBFS
   */
  showLevel(id, level) {
    this.#tiles.get(id)?.showLevel(level);
  }

  clear() {
    this.#tiles.clear();
    this.#list.replaceChildren();
  }

  /**
   * @param {string} id
   * @param {number} place
   */
  #place(id, place) {
    const tile = this.#tiles.get(id) ?? new Tile();
    this.#tiles.set(id, tile);
    putAt(this.#list, tile.element, place);
    return tile;
  }
}

/**
 * @typedef {object} Context  what a tile shows beside the person's own state
 * @property {string} name  what they are called
 * @property {boolean} own
 * @property {import("./marks.js").Mark[]} marks
 * @property {number} hand  their place among those who raised a hand; 0 if they did not
 * @property {boolean} more  there is something that we may do about them
 */

class Tile {
  element = make("li", "person");
  #initials = make("span", "initials");
  #halo = make("span", "halo");
  #fill = make("span", "meter-fill");
  #name = make("span", "person-name");
  #you = make("span", "you", text("people.you"));
  #way = make("span", "way");
  #wayText = make("span", "way-text");
  #marks = make("span", "marks");
  #hand = make("span", "hand");
  #handPlace = make("span");
  #more = make("button", "round person-more");
  #shownMarks = "";
  #talking = make("span", "sr-only");
  #transport = "";
  #level = 0;

  constructor() {
    const face = make("span", "face");
    face.setAttribute("aria-hidden", "true");
    face.append(this.#halo, make("span", "ring"), this.#initials);
    this.#hand.append(icon("hand"), make("span", "sr-only", text("people.hand")), this.#handPlace);
    this.#more.type = "button";
    this.#more.append(icon("more"));
    const facts = make("span", "person-facts");
    facts.append(this.#you, this.#way, this.#marks, this.#talking);
    const meter = make("span", "meter");
    meter.setAttribute("aria-hidden", "true");
    meter.append(this.#fill);
    this.element.append(face, this.#name, facts, this.#hand, this.#more, meter);
  }

  /**
   * @param {Person} person
   * @param {Context} context
   */
  show(person, { name, own, marks, hand, more }) {
    setText(this.#name, name);
    this.#name.title = name;
    setText(this.#initials, initials(person.name));
    this.element.style.setProperty("--hue", String(hueOf(person.name)));
    this.element.classList.toggle("is-talking", person.talking && !person.muted);
    this.element.classList.toggle("is-muted", person.muted);
    this.element.classList.toggle("is-you", own);
    this.element.dataset.participant = person.id;
    this.#you.hidden = !own;
    this.#hand.hidden = hand === 0;
    setText(this.#handPlace, String(hand));
    this.#more.hidden = !more;
    this.#more.setAttribute("aria-label", own ? text("people.more-you") : text("people.more", { name }));
    this.#showMarks(marks);
    setText(this.#talking, person.talking && !person.muted ? text("people.talking") : "");
    this.#showWay(person.transport);
    if (person.muted || !person.talking) this.showLevel(-127);
  }

  /** @param {number} level */
  showLevel(level) {
    const full = fullness(level);
    if (Math.abs(full - this.#level) < 0.01) return;
    this.#level = full;
    this.#fill.style.transform = `scaleX(${full.toFixed(3)})`;
    this.#halo.style.transform = `scale(${(1 + full * 0.32).toFixed(3)})`;
  }

  /** @param {import("./marks.js").Mark[]} marks */
  #showMarks(marks) {
    const wanted = JSON.stringify(marks);
    if (wanted === this.#shownMarks) return;
    this.#shownMarks = wanted;
    this.element.dataset.marks = String(marks.length);
    this.#marks.replaceChildren(
      ...marks.map((mark) => {
        const element = make("span", `mark mark-${mark.kind}`);
        element.title = mark.full;
        const words = make("span", "mark-text", mark.text);
        if (mark.full !== mark.text) words.append(make("span", "mark-more", mark.full.slice(mark.text.length)));
        element.append(icon(mark.icon), words);
        return element;
      }),
    );
  }

  /** @param {string} transport */
  #showWay(transport) {
    if (transport === this.#transport) return;
    this.#transport = transport;
    const way = wayOf(transport);
    setText(this.#wayText, way.text);
    this.#way.replaceChildren(icon(way.icon), this.#wayText);
  }
}
