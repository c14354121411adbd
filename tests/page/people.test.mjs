// How people are shown, named and counted, and what is said of them.
// Run by test_pure_modules.py, or: node --test tests/page/
import assert from "node:assert/strict";
import { test } from "node:test";

import { hueOf, initials } from "../../static/js/people/appearance.js";
import { shownNames } from "../../static/js/people/displaynames.js";
import { aloneRemark } from "../../static/js/people/headcount.js";
import { handOrder, marksOf } from "../../static/js/people/marks.js";
import { comingsAndGoings } from "../../static/js/people/presence.js";
import { person, roster } from "./doubles.mjs";

test("initials stand for names in any alphabet, and a number's last digits for a caller", () => {
  const expected = {
    "Amy": "A", "amy archer": "AA", "Dr. Elif de Yılmaz": "DY", "Ærø Ø": "ÆØ", "山田 太郎": "山太", "+44 20 7946 0018": "18", "…": "•", "": "•",
  };
  for (const [name, letters] of Object.entries(expected)) assert.equal(initials(name), letters);
  assert.equal(hueOf("Amy"), hueOf("Amy"));
});

test("comings and goings are one sentence each, however many they are", () => {
  assert.equal(comingsAndGoings([], []), "");
  assert.equal(comingsAndGoings(["Ben"], []), "Ben joined.");
  assert.equal(comingsAndGoings(["Ben", "Cy", "Di"], ["Amy"]), "Ben, Cy and Di joined. Amy left.");
  assert.equal(comingsAndGoings([], ["a", "b", "c", "d"]), "4 people left.");
});

test("hands are taken in the order in which they were raised", () => {
  const there = roster(
    person("a", { hand_raised_at: 30 }), person("b"), person("c", { hand_raised_at: 10 }), person("d", { hand_raised_at: 20, waiting: true }),
  );
  assert.deepEqual([...handOrder(there)], [["c", 1], ["a", 2]]);
});

test("what was decided about somebody is seen on them, with who muted them", () => {
  const amy = person("amy");
  const kinds = (more) => marksOf(person("ben", more), roster(amy), "ben").map((mark) => mark.kind);
  assert.deepEqual(kinds({}), []);
  assert.deepEqual(kinds({ role: "host", held: true, deafened: true, muted: true }), ["host", "muted", "held", "deafened"]);
  assert.deepEqual(kinds({ role: "listener", muted: true }), ["listener"]);
  const [mark] = marksOf(person("ben", { muted: true, muted_by: "amy" }), roster(amy), "ben");
  assert.deepEqual([mark.text, mark.full], ["Muted", "Muted by AMY"]);
  assert.ok(mark.full.startsWith(mark.text)); // the rest of it is left out where there is no room
});

test("whoever comes later than somebody of their name has a number, however it is written", () => {
  const people = roster(
    person("b", { name: "ALEX", joined_at: 2 }), person("a", { name: "Alex", joined_at: 1 }), person("c", { name: "Ben", joined_at: 3 }),
    person("d", { name: "\u200bＡlex ", joined_at: 4, waiting: true }), person("e", { name: "Alex K", joined_at: 5 }),
  );
  assert.deepEqual(Object.fromEntries(shownNames(people)), {
    a: "Alex", b: "ALEX (2)", c: "Ben", d: "\u200bＡlex  (3)", e: "Alex K",
  });
  const many = roster(...Array.from({ length: 50 }, (_, i) => person(`p${i}`, { name: ["Alex", "alex", "Ben"][i % 3], joined_at: i % 7 })));
  assert.equal(new Set([...shownNames(many).values()].map((name) => name.toLowerCase())).size, 50);
});

test("whoever is alone is told of those who wait", () => {
  assert.match(aloneRemark(0, true), /only one here/);
  assert.match(aloneRemark(1, true), /1 person waits for you/);
  assert.match(aloneRemark(2, false), /2 people wait for a host/);
});
