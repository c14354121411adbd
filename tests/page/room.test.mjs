// What is known of the room: who is in it, how it is run, who may do what, and what was decided.
// Run by test_pure_modules.py, or: node --test tests/page/
import assert from "node:assert/strict";
import { test } from "node:test";

import { byWhom, whoDid } from "../../static/js/words/actors.js";
import { callWords, inVain, isBeingCalled, whomToCall } from "../../static/js/words/callstate.js";
import { farewell } from "../../static/js/words/departure.js";
import { onlyHearers } from "../../static/js/room/hearing.js";
import { changeToUs, ownStatus } from "../../static/js/words/ownstatus.js";
import { actionsFor } from "../../static/js/room/rights.js";
import { applyToRoomState, EMPTY_ROOM_STATE } from "../../static/js/room/roomstate.js";
import { applyEvent, EMPTY_ROSTER, inOrder, split, whomItConcerns } from "../../static/js/room/roster.js";
import { person, roster } from "./doubles.mjs";

const access = (...rights) => ({ room: null, name: null, role: "speaker", rights });

test("the roster follows the events, and what changes nothing gives the same roster", () => {
  let roster = applyEvent(EMPTY_ROSTER, "room", { participants: [person("amy")] });
  roster = applyEvent(roster, "participant.joined", { participant: person("ben") });
  roster = applyEvent(roster, "talking.started", { id: "ben" });
  roster = applyEvent(roster, "participant.updated", { participant: person("amy", { muted: true }) });
  assert.equal(roster.get("amy").muted, true);
  assert.equal(roster.get("ben").talking, true);
  roster = applyEvent(roster, "talking.stopped", { id: "ben" });
  assert.equal(roster.get("ben").talking, false);
  for (const [type, data] of [
    ["talking.started", { id: "nobody" }],
    ["participant.left", { participant: person("nobody") }],
    ["digit", { id: "amy", digit: "1" }],
  ]) assert.equal(applyEvent(roster, type, data), roster);
  roster = applyEvent(roster, "participant.left", { participant: person("amy") });
  assert.deepEqual([...roster.keys()], ["ben"]);
  assert.equal(EMPTY_ROSTER.size, 0);
});

test("what one decision did to many is one event, which tells of each what they were before", () => {
  const before = applyEvent(EMPTY_ROSTER, "room", {
    participants: [person("amy"), person("ben", { waiting: true, talking: true }), person("cat")],
  });
  const changes = { muted: true, muted_by: "Hana", talking: false, level: -127 };
  const muted = applyEvent(before, "participants.updated", { ids: ["ben", "cat", "nobody"], changes, by: "Hana" });
  assert.deepEqual(muted.get("ben"), { ...before.get("ben"), ...changes });
  assert.equal(muted.get("amy"), before.get("amy"));
  assert.equal(muted.size, 3);
  assert.deepEqual(whomItConcerns({ ids: ["ben", "nobody"] }, before, muted), [{ person: muted.get("ben"), was: before.get("ben") }]);
  const left = applyEvent(muted, "participants.left", { ids: ["amy", "ben", "nobody"], departure: "ended" });
  assert.deepEqual([...left.keys()], ["cat"]);
  assert.deepEqual(whomItConcerns({ ids: ["amy"] }, muted, left), [{ person: muted.get("amy"), was: muted.get("amy") }]);
  assert.deepEqual(whomItConcerns({ participant: person("dan") }, left, left), [{ person: person("dan"), was: null }]);
  assert.deepEqual(whomItConcerns({ id: "dan" }, left, left), []);
});

test("you come first, then everybody in the order they came", () => {
  const people = [person("c", { joined_at: 1 }), person("a", { joined_at: 3 }), person("b", { joined_at: 2 })];
  const roster = applyEvent(EMPTY_ROSTER, "room", { participants: people });
  assert.deepEqual(inOrder(roster, "a").map((one) => one.id), ["a", "c", "b"]);
  assert.deepEqual(inOrder(roster, null).map((one) => one.id), ["c", "b", "a"]);
});

test("those who wait are not among those who are here", () => {
  const { here, waiting } = split(roster(person("a"), person("b", { waiting: true, joined_at: 2 }), person("c", { waiting: true, joined_at: 1 })));
  assert.deepEqual([...here.keys()], ["a"]);
  assert.deepEqual(waiting.map((one) => one.id), ["c", "b"]);
});

test("how the room is run follows the events, and what changes nothing gives the same state", () => {
  let roomState = applyToRoomState(EMPTY_ROOM_STATE, "room", { policy: { locked: true }, sounds: [{ id: "s", name: "chime" }], hearing: [] });
  assert.equal(roomState.policy.locked, true);
  assert.equal(roomState.policy.lobby, "off");
  roomState = applyToRoomState(roomState, "room.updated", { policy: { lobby: "admit" }, by: "Amy" });
  assert.deepEqual([roomState.policy.locked, roomState.policy.lobby], [true, "admit"]);
  roomState = applyToRoomState(roomState, "sound.started", { sound: { id: "t", name: "music" } });
  roomState = applyToRoomState(roomState, "sound.stopped", { sound: { id: "s" } });
  assert.deepEqual(roomState.sounds.map((sound) => sound.id), ["t"]);
  roomState = applyToRoomState(roomState, "hearing.changed", { rules: [{ listener: "a", source: "b", gain: 0 }] });
  assert.equal(roomState.rules.length, 1);
  for (const type of ["levels", "participant.joined", "message"]) assert.equal(applyToRoomState(roomState, type, {}), roomState);
  assert.equal(EMPTY_ROOM_STATE.policy.locked, false);
});

test("whom a whisper is meant for is told from the settings", () => {
  const rules = [
    { listener: null, source: "a", gain: 0 },
    { listener: "b", source: "a", gain: 1.5 },
    { listener: "c", source: null, gain: 0.5 },
    { listener: null, source: "d", gain: 0.5 },
  ];
  assert.deepEqual(onlyHearers(rules, "a"), ["b"]);
  assert.equal(onlyHearers(rules, "d"), null);
});

test("only those who may moderate can do anything about others, but for how loud they hear them", () => {
  assert.deepEqual(actionsFor(access("speak", "listen"), person("ben"), "amy"), ["volume"]);
  assert.deepEqual(actionsFor(access("speak"), person("ben"), "amy"), []);
  assert.deepEqual(actionsFor(access("listen"), person("ben", { waiting: true }), "amy"), []);
  assert.ok(actionsFor(access("moderate"), person("ben"), "amy").includes("remove"));
});

test("people may rename and deafen themselves, and never remove or mute themselves by the menu", () => {
  assert.deepEqual(actionsFor(access("speak", "listen"), person("amy"), "amy"), ["deafen", "rename"]);
  const own = actionsFor(access("moderate"), person("amy"), "amy");
  assert.deepEqual(own.filter((action) => ["remove", "mute", "hold", "volume", "coach"].includes(action)), []);
});

test("what can be done about somebody follows what they are", () => {
  const of = (more) => actionsFor(access("moderate"), person("ben", more), "amy");
  assert.ok(of({}).includes("mute") && !of({}).includes("ask"));
  assert.ok(of({ muted: true }).includes("ask") && !of({ muted: true }).includes("mute"));
  assert.ok(!of({ role: "listener" }).includes("mute") && !of({ role: "listener", muted: true }).includes("ask"));
  assert.ok(of({ hand_raised_at: 1 }).includes("lower") && !of({}).includes("lower"));
  assert.deepEqual(of({ waiting: true }), ["admit", "rename", "role", "remove"]);
});

test("whoever did something is named as people know them, and never by an id", () => {
  const there = roster(person("0123456789abcdef", { name: "Amy", identity: "amy@example.org" }), person("ben", { name: "Ben" }));
  assert.equal(whoDid("Amy", there, "ben"), "Amy");
  assert.equal(whoDid("amy@example.org", there, "ben"), "Amy");
  assert.equal(whoDid("0123456789abcdef", there, "ben"), "Amy");
  assert.equal(whoDid("ben", there, "ben"), "You");
  assert.equal(whoDid("Somebody long gone", there, "ben"), "Somebody long gone");
  for (const nobody of [null, undefined, "", "somebody", "guest-0123", "fedcba9876543210"]) {
    assert.equal(whoDid(nobody, there, "ben"), "A host");
    assert.equal(byWhom(nobody, there, "ben"), "a host");
  }
});

test("somebody is told what keeps them from hearing or being heard, the gravest first", () => {
  const ben = person("ben", { name: "Ben" });
  const whisper = [{ listener: null, source: "amy", gain: 0 }, { listener: "ben", source: "amy", gain: 1 }];
  const told = (more, rules = []) => ownStatus(person("amy", more), roster(ben), rules);
  assert.equal(told({}), null);
  assert.equal(told({ waiting: true, held: true }), null);
  assert.match(told({ held: true, deafened: true }).text, /on hold/);
  assert.equal(told({ deafened: true }).remedy, "hear");
  assert.deepEqual(told({}, whisper), { text: "Only Ben can hear you.", remedy: "speak" });
  assert.equal(told({}, whisper.slice(0, 1)).text, "Nobody hears you.");
});

test("what a host changes about us is said in one sentence, and what we see anyway is not", () => {
  const amy = person("amy");
  const said = (before, after) => changeToUs({ ...amy, ...before }, { ...amy, ...after }, "Ben");
  assert.equal(said({}, { role: "host" }), "Ben made you a host.");
  assert.equal(said({}, { held: true }), "Ben put you on hold.");
  assert.equal(said({ held: true }, {}), "Ben took you off hold.");
  assert.equal(said({}, { name: "Amelia" }), "Ben named you Amelia.");
  assert.equal(said({ hand_raised_at: 1 }, {}), "Ben lowered your hand.");
  assert.equal(said({}, { talking: true }), "");
});

test("those who were sent away, or whose conference is over, are told goodbye", () => {
  const there = roster(person("amy", { name: "Amy" }));
  assert.match(farewell({ departure: "removed", by: "amy" }, there).lead, /^Amy removed you/);
  assert.match(farewell({ departure: "removed", by: null }, there).lead, /^A host removed you/);
  assert.match(farewell({ departure: "removed" }, there).lead, /^Somebody removed you/); // who finds out afterwards
  assert.match(farewell({ departure: "ended", by: "Amy", reason: "x" }, there).lead, /^Amy ended it/);
  assert.equal(farewell({ departure: "ended", by: null, reason: "The host is gone." }, there).lead, "The host is gone.");
  assert.match(farewell({ departure: "ended", by: null }, there).lead, /for everybody/);
});

test("how far it has come with somebody who is called is told in words", () => {
  const called = (state, more = {}) => person("amy", { name: "Amy", call: { state, ...more } });
  assert.deepEqual(["dialing", "ringing", "answered", "busy"].map((state) => callWords(called(state))), ["Calling…", "Ringing…", "", ""]);
  assert.equal(callWords(called("answered", { answered_by: "machine" })), "Answering machine");
  assert.equal(callWords(person("ben")), "");
  assert.deepEqual([isBeingCalled(called("ringing")), isBeingCalled(called("answered")), isBeingCalled(person("ben"))], [true, false, false]);
  const told = ["busy", "no-answer", "failed", "dialing", "answered", "canceled"].map((state) => inVain(called(state)));
  assert.deepEqual(told, ["Amy is busy.", "Amy does not answer.", "Amy could not be reached.", "Amy could not be reached.", "", ""]);
  assert.equal(inVain(person("ben")), "");
});

test("whom to call is read as people write it", () => {
  assert.deepEqual(whomToCall(" +1 (555) 123-4567 "), { to: "+15551234567" });
  assert.deepEqual(whomToCall("0049 30/123.456"), { to: "+4930123456" });
  assert.deepEqual(whomToCall("wss://bot.example.org/x"), { url: "wss://bot.example.org/x" });
  assert.deepEqual(whomToCall("https://app.example.org/voice"), { webhook: "https://app.example.org/voice" });
  for (const text of ["", "030 123456", "+12", "ftp://x", "wss://a b", "+0123456789", "tel:+15551234567"]) assert.equal(whomToCall(text), null);
});

test("who is being called can be hung up on, and who is here can be handed over by those who may call", () => {
  const host = access("moderate", "dial", "listen");
  assert.deepEqual(actionsFor(host, person("ben", { call: { state: "ringing" } }), "amy"), ["rename", "hang-up"]);
  const here = actionsFor(host, person("ben", { call: { state: "answered" } }), "amy");
  assert.deepEqual([here.includes("transfer"), here.includes("hang-up"), here.includes("remove")], [true, true, false]);
  assert.equal(actionsFor(access("moderate"), person("ben"), "amy").includes("transfer"), false);
});
