/**
 * The chat: what people write to the room. Text is only ever text here; nothing of it is kept.
 */

import { announce } from "../page/announce.js";
import { attempt } from "../page/attempt.js";
import { byId, make, setText } from "../page/dom.js";
import { timeOfDay } from "../page/time.js";
import { text } from "../texts/texts.js";
import { spoken, withMessage } from "./chatlog.js";
import { linkParts } from "./links.js";

export class ChatView {
  #panel = byId("chat");
  #button = byId("chat-open", HTMLButtonElement);
  #list = byId("chat-log");
  #text = byId("chat-text", HTMLInputElement);
  #unreadBadge = byId("unread");
  /** @type {readonly import("./chatlog.js").Message[]} */ #log = [];
  #unread = 0;
  #sending = false;
  /** @type {(text: string) => Promise<unknown>} */ #send = () => Promise.reject(new Error("there is no room"));

  constructor() {
    this.#button.addEventListener("click", () => (this.#panel.hidden ? this.open() : this.close()));
    byId("chat-close").addEventListener("click", () => this.close());
    this.#panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
    byId("chat-form").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#submit();
    });
  }

  /**
   * Begins anew, in a room.
   *
   * @param {(text: string) => Promise<unknown>} send
   */
  start(send) {
    this.#send = send;
    this.#log = [];
    this.#text.value = "";
    this.#list.replaceChildren();
    byId("chat-empty").hidden = false;
    this.#count(0);
    this.hide();
  }

  open() {
    this.#panel.hidden = false;
    this.#button.setAttribute("aria-expanded", "true");
    this.#count(0);
    this.#list.scrollTop = this.#list.scrollHeight;
    this.#text.focus();
  }

  close() {
    this.hide();
    this.#button.focus();
  }

  hide() {
    this.#panel.hidden = true;
    this.#button.setAttribute("aria-expanded", "false");
  }

  /**
   * @param {import("./chatlog.js").Message} message
   * @param {boolean} own
   */
  show(message, own) {
    this.#log = withMessage(this.#log, message);
    byId("chat-empty").hidden = true;
    const atEnd = this.#list.scrollHeight - this.#list.scrollTop - this.#list.clientHeight < 40;
    this.#list.append(entry(message, own));
    while (this.#list.children.length > this.#log.length) this.#list.firstElementChild?.remove();
    if (atEnd || own) this.#list.scrollTop = this.#list.scrollHeight;
    if (!this.#panel.hidden) return; // the log speaks for itself
    this.#count(this.#unread + 1);
    announce(spoken(message));
  }

  async #submit() {
    const words = this.#text.value.trim();
    if (!words || this.#sending) return;
    this.#sending = true;
    this.#text.value = ""; // now, or what is typed until the answer comes would be lost
    const sent = await attempt(this.#send(words));
    this.#sending = false;
    if (sent === undefined) this.#text.value = `${words} ${this.#text.value}`.trim(); // to be sent again
  }

  /** @param {number} unread */
  #count(unread) {
    this.#unread = unread;
    this.#unreadBadge.hidden = unread === 0;
    setText(this.#unreadBadge, unread > 99 ? "99+" : unread === 0 ? "" : String(unread));
    this.#button.setAttribute("aria-label", unread === 0 ? text("chat.title") : text("chat.unread", { count: unread }));
  }
}

/**
 * @param {import("./chatlog.js").Message} message
 * @param {boolean} own
 */
function entry(message, own) {
  const item = make("li", own ? "is-own" : "");
  const head = make("p", "chat-who");
  const time = make("time", "", timeOfDay(message.sent_at));
  time.dateTime = new Date(message.sent_at * 1000).toISOString();
  head.append(make("span", "chat-name", own ? text("people.you") : message.name), time);
  const words = make("p", "chat-words");
  words.append(...linkParts(message.text).map((part) => (part.href === null ? part.text : link(part.text, part.href))));
  item.append(head, words);
  return item;
}

/**
 * Opens beside the page, which would lose its call, and tells the other site nothing of the room.
 *
 * @param {string} words
 * @param {string} href
 */
function link(words, href) {
  const anchor = make("a", "", words);
  anchor.href = href;
  anchor.target = "_blank";
  anchor.rel = "noopener noreferrer";
  return anchor;
}
