// What the page makes of roles, rights and what was decided about people. Run by test_pure_modules.py.
import assert from "node:assert/strict";
import { test } from "node:test";

import { MuteSync } from "../../static/js/call/mutesync.js";
import { KEPT, spoken, withMessage } from "../../static/js/chat/chatlog.js";
import { knownOf } from "../../static/js/moderation/lobbyentry.js";
import { entryNeeds } from "../../static/js/page/address.js";
import { shownNames } from "../../static/js/people/displaynames.js";
import { aloneRemark } from "../../static/js/people/headcount.js";
import { handOrder, marksOf } from "../../static/js/people/marks.js";
import { byWhom, whoDid } from "../../static/js/room/actors.js";
import { farewell } from "../../static/js/room/departure.js";
import { onlyHearers } from "../../static/js/room/hearing.js";
import { changeToUs, ownStatus } from "../../static/js/room/ownstatus.js";
import { actionsFor } from "../../static/js/room/rights.js";
import { applyToRoomState, EMPTY_ROOM_STATE } from "../../static/js/room/roomstate.js";
import { split } from "../../static/js/room/roster.js";
import { isPinWanted, isSentAway, Refused, Unreachable } from "../../static/js/signalling/errors.js";
import { pinProblem, pinQuestion, requestProblem } from "../../static/js/signalling/problems.js";

const person = (id, more = {}) => ({
  id, name: id.toUpperCase(), transport: "webrtc", muted: false, talking: false, level: -127, joined_at: 0,
  role: "speaker", identity: null, muted_by: null, held: false, deafened: false, waiting: false, hand_raised_at: null, ...more,
});
const roster = (...people) => new Map(people.map((one) => [one.id, one]));
const access = (...rights) => ({ room: null, name: null, role: "speaker", rights });

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

test("those who wait are not among those who are here", () => {
  const { here, waiting } = split(roster(person("a"), person("b", { waiting: true, joined_at: 2 }), person("c", { waiting: true, joined_at: 1 })));
  assert.deepEqual([...here.keys()], ["a"]);
  assert.deepEqual(waiting.map((one) => one.id), ["c", "b"]);
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

test("only those who were sent away, or whose conference is over, are told goodbye", () => {
  const there = roster(person("amy", { name: "Amy" }));
  for (const departure of ["left", "lost", "failed", undefined]) assert.equal(farewell(departure, "Amy", "", there), null);
  assert.match(farewell("removed", "amy", "removed", there).lead, /^Amy removed you/);
  assert.match(farewell("ended", "Amy", "x", there).lead, /^Amy ended it/);
  assert.equal(farewell("ended", null, "The host is gone.", there).lead, "The host is gone.");
});

test("whoever copies the link is told what else it takes to get in", () => {
  assert.equal(entryNeeds(false, false), "");
  assert.match(entryNeeds(true, true), /PIN\.$/);
  assert.match(entryNeeds(false, true), /invitation of their own/);
});

test("the chat keeps the latest messages, and says long ones only in part", () => {
  const message = (number) => ({ id: "a", name: "Amy", text: String(number), sent_at: number });
  let log = [];
  for (let number = 0; number < KEPT + 5; number++) log = withMessage(log, message(number));
  assert.equal(log.length, KEPT);
  assert.equal(log[0].text, "5");
  assert.equal(spoken(message(1)), "Amy writes: 1");
  assert.ok(spoken({ ...message(1), text: "x".repeat(2000) }).length < 250);
});

test("who has no invitation is asked for a PIN, and who was removed is not taken for a stranger", () => {
  const needed = new Refused(401, "This room has a PIN: enter it to get in.");
  assert.ok(isPinWanted(needed) && !isPinWanted(new Refused(403, "")) && !isPinWanted(new Unreachable()));
  assert.equal(pinQuestion(needed, false), needed.message);
  assert.match(pinQuestion(new Refused(401, "You need a token for this"), false), /needs an invitation.*PIN/);
  assert.match(pinQuestion(new Refused(401, "This token has expired"), true), /^This token has expired\. .*PIN/);
  assert.match(pinProblem(new Refused(403, "")), /not the room's PIN/);
  assert.match(pinProblem(new Refused(429, "Too many wrong PINs: try again in 7 s.")), /try again in 7 s/);
  assert.ok(isSentAway(new Refused(403, "", 0, "urn:conference:problem:removed")));
  assert.ok(!isSentAway(new Refused(403, "", 0, "about:blank")) && !isSentAway(new Error("?")));
  assert.equal(requestProblem(new Refused(409, "No such library")), "No such library.");
  assert.match(requestProblem(new Error("?")), /Try again/);
});

test("an unmute that the server refuses, because somebody muted us just then, is taken back", async () => {
  const done = [];
  const sync = new MuteSync(
    (muted) => (muted ? Promise.resolve() : Promise.reject(new Refused(403, "Amy muted you"))),
    (muted, byServer) => done.push([muted, byServer]),
  );
  sync.set(true);
  await new Promise((resolve) => setImmediate(resolve));
  sync.set(false);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(sync.muted, true);
  assert.deepEqual(done, [[true, false], [false, false], [true, true]]);
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

test("of whoever waits is told how they came, and who they are if that says anything", () => {
  assert.match(knownOf(person("a", { identity: "alex@example.org" })), /^Web · alex@example\.org · since \d/);
  assert.match(knownOf(person("a", { transport: "twilio", identity: "tel:+442079460018" })), /^Phone · \+442079460018 · since \d/);
  assert.match(knownOf(person("a", { identity: "guest-0123456789abcdef" })), /^Web · since \d/);
  assert.match(knownOf(person("a", { name: "+44", identity: "tel:+44", transport: "sip" })), /^sip · since \d/);
});

test("whoever is alone is told of those who wait", () => {
  assert.match(aloneRemark(0, true), /only one here/);
  assert.match(aloneRemark(1, true), /1 person waits for you/);
  assert.match(aloneRemark(2, false), /2 people wait for a host/);
});
