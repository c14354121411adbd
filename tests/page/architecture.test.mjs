// The shape of the page's code: which folder may import which, and which modules stay clear of the page.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../static/js", import.meta.url));

/** By folder: the folders that its modules may import from, besides their own. Those of `ENTRIES` may import from all. */
const MAY_IMPORT = {
  texts: [],
  room: [],
  audio: [],
  signalling: ["room"],
  call: ["signalling", "room"],
  words: ["room", "texts"],
  page: ["signalling", "texts"],
  chat: ["page", "texts"],
  captions: ["page", "call", "texts"],
  devices: ["page", "audio", "call", "words", "texts"],
  people: ["page", "devices", "room", "words", "texts"],
  moderation: ["page", "people", "call", "signalling", "room", "texts"],
  recordings: ["page", "call", "signalling", "room", "words", "texts"],
  calls: ["page", "call", "signalling", "room", "words", "texts"],
  admin: ["page", "signalling", "words", "texts"],
  views: ["page", "chat", "calls", "captions", "recordings", "devices", "people", "moderation", "call", "signalling", "room", "words", "texts"],
};

/** What stands above all folders: the pages, and what other sites' pages import. */
const ENTRIES = ["admin.js", "embed.js", "main.js"];

/** They know nothing of the page, and run without one. */
const WITHOUT_A_PAGE = ["texts", "room", "signalling", "call", "words"];

const modules = readdirSync(ROOT, { recursive: true }).filter((name) => name.endsWith(".js"));

/** The folder that a module is in; empty for the module at the top. */
const folderOf = (module) => (module.includes(sep) ? module.split(sep)[0] : "");

const textOf = (module) => readFileSync(join(ROOT, module), "utf8");

const LOADED = /^(?:import|export) (?:[^"';]+ from )?"([^"]+)"/gm;
const NAMED_IN_TYPES = /\bimport\("([^"]+)"\)/g;

/**
 * @param {string} module
 * @param {readonly RegExp[]} ways  to import
 * @returns {string[]}  what a module imports
 */
function importsOf(module, ways = [LOADED, NAMED_IN_TYPES]) {
  const addresses = ways.flatMap((way) => [...textOf(module).matchAll(way)].map(([, address]) => address));
  return addresses.map((address) => relative(ROOT, resolve(ROOT, dirname(module), address)));
}

test("folders import from those below them, and none is without a place", () => {
  assert.deepEqual(modules.filter((module) => folderOf(module) === "").sort(), ENTRIES);
  for (const module of modules.filter((one) => !ENTRIES.includes(one))) {
    const folder = folderOf(module);
    assert.ok(folder in MAY_IMPORT, `${folder} has no place among the folders`);
    const strays = importsOf(module).filter((one) => ![folder, ...MAY_IMPORT[folder]].includes(folderOf(one)));
    assert.deepEqual(strays, [], `${module} imports from folders that it must not know`);
  }
});

test("what the folders may import goes round in no circle", () => {
  const seen = new Set();
  for (let left = Object.keys(MAY_IMPORT); left.length > 0; left = left.filter((folder) => !seen.has(folder))) {
    const lowest = left.filter((folder) => MAY_IMPORT[folder].every((one) => seen.has(one)));
    assert.ok(lowest.length > 0, `${left.join(", ")} import each other`);
    for (const folder of lowest) seen.add(folder);
  }
});

test("everything that is imported is there, and every module is loaded with the page, or by those of others", () => {
  for (const module of modules) {
    assert.deepEqual(importsOf(module).filter((one) => !existsSync(join(ROOT, one))), [], `${module} imports what is not there`);
  }
  const loaded = new Set(ENTRIES);
  for (const module of loaded) for (const one of importsOf(module, [LOADED])) loaded.add(one);
  assert.deepEqual(modules.filter((module) => !loaded.has(module)), []);
});

test("what says that it is pure, and what runs without a page, does not touch the page", () => {
  const pure = modules.filter((module) => WITHOUT_A_PAGE.includes(folderOf(module)) || / Pure[.:]/.test(textOf(module).split("*/")[0]));
  assert.ok(pure.length > 20);
  for (const module of pure) {
    const code = textOf(module).replace(/\/\*.*?\*\//gs, "").replace(/\/\/.*$/gm, "");
    assert.doesNotMatch(code, /\b(document|window|HTML\w*Element)\b/, module);
  }
});

test("every stylesheet is of a folder and linked, and the one that all parts share comes first", () => {
  const html = readFileSync(join(ROOT, "../index.html"), "utf8");
  const linked = [...html.matchAll(/<link rel="stylesheet" href="\/static\/css\/(\w+)\.css">/g)].map(([, name]) => name);
  assert.equal(linked[0], "page");
  assert.deepEqual(linked.map((name) => `${name}.css`).sort(), readdirSync(join(ROOT, "../css")).sort());
  assert.deepEqual(linked.filter((name) => !(name in MAY_IMPORT)), []);
});
