/**
 * What the page shows beside the form to somebody whom no link has led to a room: a name for one, and those that there are.
 */

import { byId, make } from "../page/dom.js";
import { suggestedRoom } from "../page/suggestion.js";
import { text } from "../texts/texts.js";

/** How many rooms are shown, those with the most people first. */
const MOST = 12;

/** Fires `room` (a CustomEvent with its name) when one is chosen. */
export class FrontView extends EventTarget {
  #list = byId("front-rooms-list");

  constructor() {
    super();
    const suggest = byId("room-suggest");
    suggest.hidden = false;
    suggest.addEventListener("click", () => this.#choose(suggestedRoom(Math.random)));
  }

  /** @param {{name: string, participants: number}[]} rooms  those that whoever looks at the page may know of */
  show(rooms) {
    const shown = [...rooms].sort((one, other) => other.participants - one.participants).slice(0, MOST);
    this.#list.replaceChildren(...shown.map(({ name, participants }) => {
      const item = make("li");
      const button = make("button", "quiet", text("front.room", { room: name, count: participants }));
      button.type = "button";
      button.addEventListener("click", () => this.#choose(name));
      item.append(button);
      return item;
    }));
    byId("front-rooms").hidden = shown.length === 0;
  }

  /** @param {string} room */
  #choose(room) {
    this.dispatchEvent(new CustomEvent("room", { detail: room }));
  }
}
