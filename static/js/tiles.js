/**
 * Everybody in the room, as a list of tiles.
 */

import { icon, make, setText } from "./dom.js";
import { fullness } from "./levels.js";
import { hueOf, initials, inOrder } from "./people.js";

/** @typedef {import("./people.js").Person} Person */

/** How people came in, as an icon and in words. */
const WAYS = new Map([
  ["webrtc", { icon: "web", text: "Web" }],
  ["twilio", { icon: "phone", text: "Phone" }],
  ["local", { icon: "code", text: "Program" }],
]);

/** Keeps the list's items in step with the roster, and moves their meters. */
export class Tiles {
  #list;
  /** @type {Map<string, Tile>} */ #tiles = new Map();

  /** @param {HTMLElement} list */
  constructor(list) {
    this.#list = list;
  }

  /**
   * @param {import("./people.js").Roster} roster
   * @param {string | null} ownId
   */
  show(roster, ownId) {
    for (const [id, tile] of this.#tiles) {
      if (!roster.has(id)) {
        tile.element.remove();
        this.#tiles.delete(id);
      }
    }
    inOrder(roster, ownId).forEach((person, place) => this.#place(person, person.id === ownId, place));
    this.#list.dataset.crowd = crowd(roster.size);
    this.#list.classList.toggle("is-crowded", roster.size > 4);
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
   * @param {Person} person
   * @param {boolean} own
   * @param {number} place
   */
  #place(person, own, place) {
    const tile = this.#tiles.get(person.id) ?? new Tile();
    this.#tiles.set(person.id, tile);
    tile.show(person, own);
    const there = this.#list.children[place];
    if (there !== tile.element) this.#list.insertBefore(tile.element, there ?? null);
  }
}

class Tile {
  element = make("li", "person");
  #initials = make("span", "initials");
  #halo = make("span", "halo");
  #fill = make("span", "meter-fill");
  #name = make("span", "person-name");
  #you = make("span", "you", "You");
  #way = make("span", "way");
  #wayText = make("span", "way-text");
  #muted = make("span", "muted-mark");
  #talking = make("span", "sr-only");
  #transport = "";
  #level = 0;

  constructor() {
    const face = make("span", "face");
    face.setAttribute("aria-hidden", "true");
    face.append(this.#halo, make("span", "ring"), this.#initials);
    this.#muted.append(icon("mic-off"), make("span", "", "Muted"));
    const facts = make("span", "person-facts");
    facts.append(this.#you, this.#way, this.#muted, this.#talking);
    const meter = make("span", "meter");
    meter.setAttribute("aria-hidden", "true");
    meter.append(this.#fill);
    this.element.append(face, this.#name, facts, meter);
  }

  /**
   * @param {Person} person
   * @param {boolean} own
   */
  show(person, own) {
    setText(this.#name, person.name);
    this.#name.title = person.name;
    setText(this.#initials, initials(person.name));
    this.element.style.setProperty("--hue", String(hueOf(person.name)));
    this.element.classList.toggle("is-talking", person.talking && !person.muted);
    this.element.classList.toggle("is-muted", person.muted);
    this.element.classList.toggle("is-you", own);
    this.element.dataset.participant = person.id;
    this.#you.hidden = !own;
    this.#muted.hidden = !person.muted;
    setText(this.#talking, person.talking && !person.muted ? "Talking" : "");
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

  /** @param {string} transport */
  #showWay(transport) {
    if (transport === this.#transport) return;
    this.#transport = transport;
    const way = WAYS.get(transport) ?? { icon: "code", text: transport };
    setText(this.#wayText, way.text);
    this.#way.replaceChildren(icon(way.icon), this.#wayText);
  }
}

/**
 * How crowded the room is: the tiles' size depends on it.
 *
 * @param {number} count
 */
function crowd(count) {
  if (count <= 1) return "one";
  if (count <= 4) return "few";
  return count <= 9 ? "some" : "many";
}
