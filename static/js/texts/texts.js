/**
 * What the page says, in the language that was chosen: the only place that knows there is more than one. Pure.
 *
 * A text is a string with `{names}` in it, or an object with one for each plural form of its language (`one`, `other`, …), which
 * the value `count` decides on. A language is a file with the same keys as `en.js`, and a line in `LANGUAGES`.
 */

import { TEXTS as DE } from "./de.js";
import { TEXTS as EN } from "./en.js";
import { TEXTS as ES } from "./es.js";

/** @typedef {keyof typeof EN} Key */
/** @typedef {string | Partial<Record<Intl.LDMLPluralRule, string>>} Text */

/** @type {ReadonlyMap<string, Readonly<Record<string, Text>>>}  the texts of each language, by its code (BCP 47) */
export const LANGUAGES = new Map([["en", EN], ["de", DE], ["es", ES]]);

const DEFAULT = "en";

let language = DEFAULT;
/** Says how numbers, lists and times are written: it may name a country. */
let locale = "en-GB";

/**
 * The language of a page: what its address asks for (`?lang=de`), else the first of the browser's languages that there is.
 *
 * @param {string} address  an absolute URL
 * @param {readonly string[]} preferred  as `navigator.languages` has them
 * @returns {{language: string, locale: string}}
 */
export function chooseLanguage(address, preferred) {
  const asked = new URL(address).searchParams.get("lang") ?? "";
  for (const wanted of [asked, ...preferred]) {
    const code = wanted.toLowerCase().split("-")[0];
    if (!LANGUAGES.has(code)) continue;
    const known = preferred.find((one) => one.toLowerCase().split("-")[0] === code);
    return { language: code, locale: writtenAs(wanted.includes("-") ? wanted : known ?? code, code) };
  }
  return { language: DEFAULT, locale: writtenAs(DEFAULT, DEFAULT) };
}

/**
 * Has everything be said in this language from now on.
 *
 * @param {{language: string, locale: string}} choice
 */
export function useLanguage(choice) {
  language = LANGUAGES.has(choice.language) ? choice.language : DEFAULT;
  locale = choice.locale;
}

/**
 * @param {Key} key
 * @param {Record<string, string | number>} [values]  what stands in place of `{names}`; numbers are written as the language does
 * @returns {string}
 */
export function text(key, values = {}) {
  const found = LANGUAGES.get(language)?.[key] ?? EN[key];
  const form = typeof found === "object" ? formFor(found, Number(values.count)) : found;
  return form.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name];
    return value === undefined ? whole : typeof value === "number" ? number(value) : value;
  });
}

/**
 * A text in its parts: what is said, and by name what stands between.
 *
 * @param {Key} key
 * @returns {{said: string, name: string}[]}  one of the two is empty
 */
export function parts(key) {
  return text(key).split(/(\{\w+\})/).filter(Boolean).map((part) => {
    const name = /^\{(\w+)\}$/.exec(part)?.[1] ?? "";
    return { said: name ? "" : part, name };
  });
}

/**
 * @param {readonly string[]} names
 * @returns {string}  `Amy, Ben and Cy`
 */
export function listed(names) {
  return new Intl.ListFormat(locale, { type: "conjunction" }).format(names);
}

/**
 * @param {number} value
 * @param {number} [digits]  after the decimal point
 */
export function number(value, digits = 0) {
  return new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
}

/**
 * A time as it is written where we are.
 *
 * @param {number} seconds  Unix time
 * @param {Intl.DateTimeFormatOptions} how
 */
export function written(seconds, how) {
  return new Date(seconds * 1000).toLocaleString(locale, how);
}

/**
 * @param {Exclude<Text, string>} forms
 * @param {number} count
 */
function formFor(forms, count) {
  return forms[new Intl.PluralRules(language).select(count)] ?? forms.other ?? "";
}

/**
 * A locale that can be used; of English that names no country, the one that has no comma before "and".
 *
 * @param {string} wanted
 * @param {string} code  of its language
 */
function writtenAs(wanted, code) {
  try {
    const [known] = Intl.getCanonicalLocales(wanted);
    return known === "en" ? "en-GB" : known;
  } catch {
    return writtenAs(code, code);
  }
}
