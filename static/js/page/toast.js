/**
 * A short remark that goes away by itself; said to those who don't see it, too.
 */

import { announce } from "./announce.js";
import { byId } from "./dom.js";

const SHOWN_FOR = 3500;

let timer = 0;

/** @param {string} sentence */
export function toast(sentence) {
  const element = byId("toast");
  element.textContent = sentence;
  element.classList.add("is-shown");
  clearTimeout(timer);
  timer = setTimeout(() => element.classList.remove("is-shown"), SHOWN_FOR);
  announce(sentence);
}
