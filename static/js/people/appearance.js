/**
 * How somebody is shown: their initials, a hue, and how they came in. Pure.
 */

import { text } from "../texts/texts.js";

/** How people came in, as an icon and in words. */
const WAYS = new Map(/** @type {[string, {icon: string, key: "people.web" | "people.program" | "people.phone"}][]} */ ([
  ["webrtc", { icon: "web", key: "people.web" }],
  ["local", { icon: "code", key: "people.program" }],
]));

/** The providers whose media streams are calls, as the server names them. */
const PROVIDERS = [
  "twilio", "telnyx", "signalwire", "plivo", "exotel", "vonage", "jambonz", "freeswitch", "asterisk", "audiosocket",
];
for (const provider of PROVIDERS) WAYS.set(provider, { icon: "phone", key: "people.phone" });

/** @param {string} transport */
export function wayOf(transport) {
  const way = WAYS.get(transport);
  return way ? { icon: way.icon, text: text(way.key) } : { icon: "code", text: transport };
}

/**
 * Up to two letters that stand for a name; of a telephone number, its last two digits.
 *
 * @param {string} name
 * @returns {string}
 */
export function initials(name) {
  const words = name.match(/\p{L}[\p{L}\p{N}]*/gu) ?? [];
  if (words.length === 0) return name.replace(/\D/g, "").slice(-2) || "•";
  const telling = words.length > 1 ? words.filter((_, place) => place === 0 || place === words.length - 1) : words;
  return telling.map((word) => [...word][0].toUpperCase()).join("");
}

/** Hues that look well as the ground of white letters, and can be told apart. */
const HUES = [12, 38, 140, 165, 190, 215, 240, 262, 285, 310, 338];

/**
 * The hue that always belongs to this name.
 *
 * @param {string} name
 * @returns {number}  in degrees, of the colour space OKLCH
 */
export function hueOf(name) {
  let hash = 2166136261; // FNV-1a
  for (const character of name) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 16777619);
  return HUES[(hash >>> 8) % HUES.length];
}
