/**
 * The lobby: for those who may, who waits to be let in; for those who wait, that they do.
 */

import { attempt } from "../page/attempt.js";
import { byId, make, putAt, setText } from "../page/dom.js";
import { shownNames } from "../people/displaynames.js";
import { split } from "../room/roster.js";
import { text } from "../texts/texts.js";
import { knownOf } from "./lobbyentry.js";

export class LobbyView {
  #section = byId("lobby");
  #list = byId("lobby-list");
  #waiting = byId("waiting");
  /** @type {ReadonlyMap<string, HTMLElement>}  whose line is whose */ #lines = new Map();
  /** @type {import("../call/session.js").Session | null} */ #session = null;
  /** @type {import("./moderation.js").Moderation | null} */ #moderation = null;

  constructor() {
    byId("lobby-all").addEventListener("click", () => void attempt(this.#do().admitAll()));
    byId("waiting-enter").addEventListener("click", () => void this.#admit(this.#session?.ownId ?? ""));
  }

  /**
   * @param {import("../call/session.js").Session} session
   * @param {import("./moderation.js").Moderation} moderation
   */
  start(session, moderation) {
    this.#session = session;
    this.#moderation = moderation;
    this.renew(shownNames(session.roster));
  }

  /**
   * Shows who waits now.
   *
   * @param {ReadonlyMap<string, string>} names  what people are called, by id
   */
  renew(names) {
    const session = this.#session;
    if (!session) return;
    const here = !session.waiting;
    const place = this.#place();
    byId("stage").hidden = !here;
    this.#waiting.hidden = here;
    byId("waiting-enter").hidden = !session.moderates;
    const waiting = here && session.moderates ? split(session.roster).waiting : [];
    this.#section.hidden = waiting.length === 0;
    setText(byId("lobby-title"), text("lobby.title", { count: waiting.length }));
    byId("lobby-all").hidden = waiting.length < 2;
    this.#showList(waiting, names);
    const focused = document.activeElement;
    if (place !== null && (!this.#section.contains(focused) || focused?.closest("[hidden]"))) this.#focus(place);
  }

  /**
   * Who stays keeps their line, and the focus in it.
   *
   * @param {import("../room/roster.js").Person[]} waiting
   * @param {ReadonlyMap<string, string>} names
   */
  #showList(waiting, names) {
    const lines = new Map(
      waiting.map((person) => {
        const name = names.get(person.id) ?? person.name;
        const key = JSON.stringify([person.id, name]);
        return [key, this.#lines.get(key) ?? this.#item(person, name)];
      }),
    );
    for (const [key, line] of this.#lines) if (!lines.has(key)) line.remove();
    [...lines.values()].forEach((line, place) => putAt(this.#list, line, place));
    this.#lines = lines;
  }

  /** The place in the list that has the focus; null if it is elsewhere on the page. */
  #place() {
    if (!this.#section.contains(document.activeElement)) return null;
    return Math.max(0, [...this.#list.children].findIndex((line) => line.contains(document.activeElement)));
  }

  /** Goes on with who has this place now, after the focused button went away. */
  #focus(/** @type {number} */ place) {
    const line = this.#list.children[Math.min(place, this.#list.children.length - 1)];
    (line?.querySelector("button") ?? byId("room-title")).focus();
  }

  /**
   * @param {import("../room/roster.js").Person} person
   * @param {string} name  what they are called
   */
  #item(person, name) {
    const item = make("li");
    const admit = make("button", "primary", text("lobby.admit"));
    const refuse = make("button", "quiet", text("lobby.refuse"));
    for (const button of [admit, refuse]) {
      button.type = "button";
      button.setAttribute("aria-label", `${button.textContent}: ${name}`);
    }
    admit.addEventListener("click", () => void this.#admit(person.id));
    refuse.addEventListener("click", () => void attempt(this.#do().remove(person.id)));
    const who = make("p", "lobby-who");
    who.append(make("span", "lobby-name", name), make("span", "hint", knownOf(person)));
    who.title = `${name}, ${knownOf(person)}`;
    const does = make("span", "lobby-does");
    does.append(admit, refuse);
    item.append(who, does);
    return item;
  }

  /** @param {string} id */
  async #admit(id) {
    await attempt(this.#do().change(id, { waiting: false }));
  }

  #do() {
    if (!this.#moderation) throw new Error("there is no room");
    return this.#moderation;
  }
}
