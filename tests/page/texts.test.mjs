// What the page says: in each language all of it, and nowhere else.
// Run by test_pure_modules.py, or: node --test tests/page/
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { fileURLToPath } from "node:url";

import { chooseLanguage, LANGUAGES, listed, number, parts, text, useLanguage, written } from "../../static/js/texts/texts.js";

const ROOT = fileURLToPath(new URL("../../static", import.meta.url));
const ENGLISH = LANGUAGES.get("en");

const files = (folder, kind) => readdirSync(join(ROOT, folder), { recursive: true }).filter((name) => name.endsWith(kind)).map((name) => join(folder, name));
const textOf = (file) => readFileSync(join(ROOT, file), "utf8");

const modules = files("js", ".js").filter((name) => !/^js\/texts\/..\.js$/.test(name));
const pages = readdirSync(ROOT).filter((name) => name.endsWith(".html"));

afterEach(() => useLanguage({ language: "en", locale: "en-GB" }));

/** All that is said under one key. */
const forms = (said) => (typeof said === "string" ? [said] : Object.values(said));

const names = (said) => [...said.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();

test("every language has every text, in the same order, with the same names in it, and the plural forms that it needs", () => {
  assert.deepEqual([...LANGUAGES.keys()].map((code) => `${code}.js`).sort(), files("js/texts", ".js").map((name) => name.slice(9)).filter((name) => name !== "texts.js").sort());
  for (const [code, texts] of LANGUAGES) {
    assert.deepEqual(Object.keys(texts), Object.keys(ENGLISH), code);
    const needed = new Set(Array.from({ length: 200 }, (_, count) => new Intl.PluralRules(code).select(count)));
    for (const [key, said] of Object.entries(texts)) {
      assert.equal(typeof said, typeof ENGLISH[key], `${code}: ${key} has plural forms in one language and none in the other`);
      const wanted = new Set(forms(ENGLISH[key]).flatMap(names));
      for (const form of forms(said)) assert.deepEqual(names(form).filter((name) => !wanted.has(name)), [], `${code}: ${key}`);
      const used = new Set(forms(said).flatMap(names));
      assert.deepEqual([...wanted].filter((name) => !used.has(name)), [], `${code}: ${key} leaves out what it should say`);
      if (typeof said === "object") assert.deepEqual([...needed].filter((form) => !(form in said)), [], `${code}: ${key}`);
      if (forms(ENGLISH[key]).some(Boolean) && !key.endsWith("-rest")) assert.ok(forms(said).every(Boolean), `${code}: ${key} is empty`);
    }
  }
});

test("what is not the same word in both languages is not left in English", () => {
  // Each is the same word, an abbreviation, or a name.
  const same = { de: /^(PIN|Chat|Web|Host|Name|Pause|.*Jitter.*|\{.*)$/, es: /^(PIN|Chat|Web|\{.*|)$/ };
  for (const [code, allowed] of Object.entries(same)) {
    const left = Object.entries(LANGUAGES.get(code)).filter(([key, said]) => {
      const [ours, english] = [forms(said)[0], forms(ENGLISH[key])[0]];
      return english && ours === english && !allowed.test(ours);
    });
    assert.deepEqual(left, [], code);
  }
});

/** Where a page, or a module, names a key; what stands before `${` in a template is the beginning of some. */
const IN_HTML = /data-(?:text|label|title|placeholder)="([^"]*)"/g;
const ASKED_FOR = /\b(?:text|parts)\("([^"]*)"/g;
const LITERALS = /"([^"\n]*)"/g;
const BEGINNINGS = /`([a-z]+\.)\$\{\w+\}([\w-]*)`/g;

test("every text that is used is there, and every text that is there is used", () => {
  const used = new Set(pages.flatMap((page) => [...textOf(page).matchAll(IN_HTML)].map(([, key]) => key)));
  for (const code of modules.map(textOf).filter((one) => one.includes('texts/texts.js"'))) {
    for (const [, key] of code.matchAll(ASKED_FOR)) used.add(key);
    for (const [, key] of code.matchAll(LITERALS)) if (key in ENGLISH) used.add(key);
    for (const [whole, begins, ends] of code.matchAll(BEGINNINGS)) {
      const meant = Object.keys(ENGLISH).filter((key) => key.startsWith(begins) && key.endsWith(ends)
        && !key.slice(begins.length, key.length - ends.length).includes("-"));
      assert.ok(meant.length > 0, whole);
      for (const key of meant) used.add(key);
    }
  }
  assert.deepEqual([...used].filter((key) => !(key in ENGLISH)), []);
  assert.deepEqual(Object.keys(ENGLISH).filter((key) => !used.has(key)), []);
});

test("no page has words of its own", () => {
  for (const page of pages) {
    const body = textOf(page).replace(/<noscript>.*?<\/noscript>|<title>.*?<\/title>|<!--.*?-->/gs, "");
    const said = [...body.matchAll(/>([^<>]*\p{L}[^<>]*)</gu)].map(([, words]) => words.trim());
    assert.deepEqual(said.filter((words) => words !== "M"), [], page); // the key that mutes is called so everywhere
    assert.deepEqual(body.match(/\s(?:aria-label|aria-description|title|placeholder|alt)="[^"]*"/g) ?? [], [], page);
  }
});

/** What is written in code and said to nobody: names of the platform's, and types. */
const NOT_SAID = new Set([
  "Accept", "Authorization", "Bearer ", "Conference-Seat", "Content-Type", "If-Match", "Location", "Retry-After", "Escape", "Space", "Enter",
  "Refused", "Unreachable", "NoMedia",
]);

/** A sentence, a label, or three words and more. */
const IS_SAID = /^[^\p{L}]*\p{Lu}\p{Ll}|\p{L}[.!?…]$|\p{L}{2,} \p{L}+ \p{L}{2,}/u;

test("no module has words of its own", () => {
  for (const module of modules) {
    const code = textOf(module).replace(/\/\*.*?\*\//gs, "").replace(/(?<![:"'`\w])\/\/.*$/gm, "")
      .replace(/\b(?:new \w*Error|super)\((?:[^()]|\([^()]*\))*\)/g, ""); // for those who read the console
    const literals = [...code.matchAll(/"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`/g)].map(([, plain, template]) => plain ?? template.replace(/\$\{[^}]*\}/g, ""));
    const said = literals.filter((words) => IS_SAID.test(words) && !NOT_SAID.has(words) && !/^[A-Z]\w*Error$|[=[\]{}#>]|^urn:|\/|^\.\S+$|^[a-z.]+\.$/.test(words));
    assert.deepEqual(said, [], module);
  }
});

test("the address asks for a language, else the browser does, else it is English", () => {
  const of = (address, ...preferred) => chooseLanguage(`https://x.org/join/tea${address}`, preferred).language;
  assert.equal(of("", "de-AT", "en"), "de");
  assert.equal(of("", "fr", "es-MX", "de"), "es");
  assert.equal(of("?lang=es", "de"), "es");
  assert.equal(of("?lang=DE-ch", "es"), "de");
  assert.equal(of("?lang=xx", "de"), "de");
  for (const unknown of ["fr", "", "*", "e", "end", "<script>"]) assert.equal(of("", unknown), "en");
  assert.equal(of(""), "en");
  assert.equal(chooseLanguage("https://x.org/", ["de-AT"]).locale, "de-AT");
  assert.equal(chooseLanguage("https://x.org/?lang=de", ["en", "de-CH"]).locale, "de-CH");
  for (const lang of ["de-", "de_DE", "de-!", "de-x"]) useLanguage(chooseLanguage(`https://x.org/?lang=${encodeURIComponent(lang)}`, []));
  assert.equal(number(1), "1"); // whatever was asked for, it can be written
});

test("what is no language is none, and a country that is none leaves the language as it is", () => {
  for (const asked of ["__proto__", "constructor", "", "-", "xx", "de_DE", "%00", "e".repeat(9999)]) {
    assert.deepEqual(chooseLanguage(`https://a.example/?lang=${asked}`, []), { language: "en", locale: "en-GB" }, asked);
  }
  const chosen = chooseLanguage("https://a.example/?lang=de-!!", ["fr"]);
  assert.deepEqual(chosen, { language: "de", locale: "de" });
  assert.deepEqual(chooseLanguage("https://a.example/", ["pt", "es-419", "en"]), { language: "es", locale: "es-419" });
  assert.deepEqual(chooseLanguage("https://a.example/", ["en-US@posix"]), { language: "en", locale: "en-GB" });
});

test("numbers, lists and plural forms are those of the language", () => {
  const said = (language, locale) => {
    useLanguage({ language, locale });
    return [text("people.count", { count: 1 }), text("people.count", { count: 1234 }), listed(["Amy", "Ben", "Cy"]), number(2.5, 1)];
  };
  assert.deepEqual(said("en", "en-GB"), ["1 person", "1,234 people", "Amy, Ben and Cy", "2.5"]);
  assert.deepEqual(said("de", "de"), ["1 Person", "1.234 Personen", "Amy, Ben und Cy", "2,5"]);
  assert.deepEqual(said("es", "es"), ["1 persona", "1234 personas", "Amy, Ben y Cy", "2,5"]);
  assert.equal(listed(["Amy", "Inés"]), "Amy e Inés");
  useLanguage({ language: "de", locale: "de-DE" });
  assert.match(written(0, { dateStyle: "medium", timeZone: "UTC" }), /^01\.01\.1970/);
});

test("what people are called is said as it is, whatever it looks like", () => {
  assert.equal(text("people.more", { name: "{name} $& {count}" }), "More about {name} $& {count}");
  assert.deepEqual(parts("controls.keys").map(({ said, name }) => name || said.trim()), ["M", "mutes. While muted, hold", "space", "to talk."]);
});
