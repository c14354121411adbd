// What is told to the page around this one, and what is taken from it.
// Run by test_pure_modules.py, or: node --test tests/page/
import assert from "node:assert/strict";
import { test } from "node:test";

import { ParentPage } from "../../static/js/page/parentpage.js";
import { publicPeople, talkingChanges } from "../../static/js/room/publicpeople.js";
import { person, roster } from "./doubles.mjs";

const OURS = "https://intranet.example.org";

/** Our window in another page's frame, with what that was sent. */
function framed(ancestorOrigins) {
  const page = new EventTarget();
  page.sent = [];
  page.location = { ancestorOrigins };
  page.parent = { postMessage: (message, origin) => page.sent.push([message, origin]) };
  page.get = (data, origin = OURS, source = page.parent) => page.dispatchEvent(Object.assign(new Event("message"), { data, origin, source }));
  return page;
}

function asked(page, origins = [OURS]) {
  const parent = new ParentPage(page, origins);
  const events = [];
  for (const type of ["join", "leave", "mute", "unmute"]) parent.addEventListener(type, (event) => events.push([type, event.detail]));
  return { parent, events };
}

test("the page around this one may have somebody join, leave, mute and unmute", () => {
  const page = framed();
  const { events } = asked(page);
  page.get({ type: "conference.join", room: "tea", name: "Amy", token: "t", more: 1 });
  page.get({ type: "conference.join", room: 7, name: null });
  for (const type of ["leave", "mute", "unmute"]) page.get({ type: `conference.${type}` });
  assert.deepEqual(events, [
    ["join", { room: "tea", name: "Amy", token: "t" }], ["join", { room: "", name: "", token: "" }],
    ["leave", null], ["mute", null], ["unmute", null],
  ]);
});

test("nobody else may, and nothing else is taken", () => {
  const page = framed();
  const { events } = asked(page);
  for (const origin of ["https://evil.example", "null", "", `${OURS}.evil.example`, "http://intranet.example.org", `${OURS}:8443`]) page.get({ type: "conference.leave" }, origin);
  page.get({ type: "conference.leave" }, OURS, {}); // another frame of that page
  for (const data of [null, undefined, 7, "conference.leave", [], {}, { type: 7 }, { type: "leave" }, { type: "conference." }, { type: "conference.end" }, { type: "conference.__proto__" }]) page.get(data);
  assert.deepEqual(events, []);
});

test("only a page of an allowed origin is told anything", () => {
  const told = (ancestors, origins) => {
    const page = framed(ancestors);
    new ParentPage(page, origins).tell("muted", { muted: true, type: "x" });
    return page.sent;
  };
  const message = { muted: true, type: "conference.muted" };
  assert.deepEqual(told([OURS], [OURS, "https://b.example"]), [[message, OURS]]);
  assert.deepEqual(told(["https://evil.example"], [OURS]), []);
  assert.deepEqual(told(undefined, [OURS, "https://b.example"]), [[message, OURS], [message, "https://b.example"]]); // the browser chooses
});

test("people are told of in few words, and who begins to talk or stops", () => {
  const before = publicPeople(roster(person("amy", { joined_at: 2 }), person("ben", { joined_at: 1, talking: true, identity: "secret" })), "amy");
  assert.deepEqual(before.map((one) => [one.id, one.you, one.talking]), [["amy", true, false], ["ben", false, true]]);
  assert.ok(!("identity" in before[1]));
  const now = publicPeople(roster(person("amy", { talking: true }), person("ben", { talking: true, muted: true }), person("cat")), "amy");
  assert.deepEqual(talkingChanges(before, now).map((one) => [one.id, one.talking]), [["amy", true], ["ben", false]]);
  assert.deepEqual(talkingChanges(now, now), []);
});
