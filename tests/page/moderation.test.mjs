// What hosts are told of those who wait.
// Run by test_pure_modules.py, or: node --test tests/page/
import assert from "node:assert/strict";
import { test } from "node:test";

import { knownOf } from "../../static/js/moderation/lobbyentry.js";
import { person } from "./doubles.mjs";

test("of whoever waits is told how they came, and who they are if that says anything", () => {
  assert.match(knownOf(person("a", { identity: "alex@example.org" })), /^Web · alex@example\.org · since \d/);
  assert.match(knownOf(person("a", { transport: "twilio", identity: "tel:+442079460018" })), /^Phone · \+442079460018 · since \d/);
  assert.match(knownOf(person("a", { identity: "guest-0123456789abcdef" })), /^Web · since \d/);
  assert.match(knownOf(person("a", { name: "+44", identity: "tel:+44", transport: "sip" })), /^sip · since \d/);
});
