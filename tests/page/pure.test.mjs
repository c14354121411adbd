// The page's pure modules. Run by test_pure_modules.py, or: node --test tests/page/
import assert from "node:assert/strict";
import { test } from "node:test";

import { delayBefore, PATIENCE } from "../../static/js/call/backoff.js";
import { readSeat, WORTH } from "../../static/js/call/keptseat.js";
import { arrivals, INTERVAL, Liveness, SHORTEST, SUSPECTED } from "../../static/js/call/liveness.js";
import { MuteSync } from "../../static/js/call/mutesync.js";
import { countersFrom, judge } from "../../static/js/call/quality.js";
import { fullness, levelOf } from "../../static/js/devices/levels.js";
import { microphoneProblem, missingCapability } from "../../static/js/devices/problems.js";
import { invitationAddress, readInvitation, roomNameProblem, shownAddress } from "../../static/js/page/address.js";
import { formatDuration } from "../../static/js/page/time.js";
import { hueOf, initials } from "../../static/js/people/appearance.js";
import { comingsAndGoings } from "../../static/js/people/presence.js";
import { applyEvent, EMPTY_ROSTER, inOrder, whomItConcerns } from "../../static/js/room/roster.js";
import { NoMedia, Refused, Unreachable } from "../../static/js/signalling/errors.js";
import { joinProblem } from "../../static/js/signalling/problems.js";
import { trickleFragment } from "../../static/js/signalling/trickle.js";

const person = (id, more = {}) => ({
  id, name: id, transport: "webrtc", muted: false, talking: false, level: -127, joined_at: 0, ...more,
});

test("an invitation is read from the address, and the link made of a room is read back", () => {
  assert.deepEqual(readInvitation("https://x.org/join/stand.up?name=%20Amy%20&autojoin=1&processing=off"), {
    room: "stand.up", name: "Amy", autojoin: true, processing: false, token: "", role: "",
  });
  assert.deepEqual(readInvitation("https://x.org/"), {
    room: "", name: "", autojoin: false, processing: true, token: "", role: "",
  });
  assert.equal(readInvitation(invitationAddress("https://x.org", "A_b-1.2")).room, "A_b-1.2");
  assert.equal(readInvitation("https://x.org/join/100%25").room, "100%");
  assert.equal(readInvitation("https://x.org/join/100%").room, "100%");
});

test("a token is read from behind the hash or from the query, and the address that is shown then has none", () => {
  assert.equal(readInvitation("https://x.org/join/r#token=a.b.c").token, "a.b.c");
  assert.equal(readInvitation("https://x.org/join/r?token=a.b.c&role=host").token, "a.b.c");
  assert.equal(readInvitation("https://x.org/join/r?role=host").role, "host");
  assert.equal(shownAddress("https://x.org/join/r?token=a.b.c&processing=off#token=a.b.c", ""), "/join/r?processing=off");
  assert.equal(shownAddress("https://x.org/#token=a.b.c", "stand.up"), "/join/stand.up");
});

test("a room's name is one the server takes, or a sentence says what is wrong", () => {
  for (const good of ["a", "A-b_c.9", "...", ".a", "x".repeat(64)]) assert.equal(roomNameProblem(good), null);
  for (const bad of ["", "two words", "café", "a/b", ".", "..", "x".repeat(65)]) assert.match(roomNameProblem(bad), /\.$/);
});

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

test("initials stand for names in any alphabet, and a number's last digits for a caller", () => {
  const expected = {
    "Amy": "A", "amy archer": "AA", "Dr. Elif de Yılmaz": "DY", "Ærø Ø": "ÆØ", "山田 太郎": "山太", "+44 20 7946 0018": "18", "…": "•", "": "•",
  };
  for (const [name, letters] of Object.entries(expected)) assert.equal(initials(name), letters);
  assert.equal(hueOf("Amy"), hueOf("Amy"));
});

test("a meter is empty at silence, full when loud, and never leaves its scale", () => {
  assert.equal(fullness(-127), 0);
  assert.equal(fullness(0), 1);
  assert.ok(fullness(-40) < fullness(-20));
  assert.equal(levelOf(new Float32Array(64)), -127);
  assert.equal(levelOf(new Float32Array(64).fill(1)), 0);
  assert.ok(Math.abs(levelOf(new Float32Array(64).fill(0.1)) + 20) < 1e-4);
});

test("durations are written as people write them", () => {
  assert.deepEqual([0, 7.9, 61, 3723, -5].map(formatDuration), ["0:00", "0:07", "1:01", "1:02:03", "0:00"]);
});

test("the first attempt to come back is immediate, the next ones wait longer, none more than ten seconds", () => {
  assert.equal(delayBefore(0, 1), 0);
  for (let attempt = 1; attempt < 40; attempt++) {
    assert.ok(delayBefore(attempt, 0) > 0 && delayBefore(attempt, 1) <= 10);
    assert.ok(delayBefore(attempt + 1, 0.5) >= delayBefore(attempt, 0.5));
  }
  let waited = 0;
  for (let attempt = 0; waited < 2; attempt++) {
    waited += delayBefore(attempt, 1);
    assert.ok(attempt < 4);
  }
  assert.ok(PATIENCE >= 45 && PATIENCE <= 90);
});

test("comings and goings are one sentence each, however many they are", () => {
  assert.equal(comingsAndGoings([], []), "");
  assert.equal(comingsAndGoings(["Ben"], []), "Ben joined.");
  assert.equal(comingsAndGoings(["Ben", "Cy", "Di"], ["Amy"]), "Ben, Cy and Di joined. Amy left.");
  assert.equal(comingsAndGoings([], ["a", "b", "c", "d"]), "4 people left.");
});

test("everything that can go wrong has a sentence of its own", () => {
  const named = (name) => Object.assign(new Error(), { name });
  const sentences = [
    ...["NotAllowedError", "NotFoundError", "NotReadableError", "TypeError"].map((name) => microphoneProblem(named(name))),
    joinProblem(new Unreachable()), joinProblem(new NoMedia()), joinProblem(new Error("?")),
    missingCapability({ secure: true, webrtc: false, microphone: true }).text,
    missingCapability({ secure: false, webrtc: true, microphone: false }).text,
    missingCapability({ secure: true, webrtc: true, microphone: false }).text,
  ];
  assert.equal(new Set(sentences).size, sentences.length);
  for (const sentence of sentences) assert.match(sentence, /[.!]$/);
  assert.equal(missingCapability({ secure: true, webrtc: true, microphone: true }), null);
});

test("a refusal is told in the server's own words, with when to come again", () => {
  assert.equal(joinProblem(new Refused(409, "This room is full")), "This room is full.");
  assert.match(joinProblem(new Refused(429, "Too many joins.", 7)), /Too many joins\. Try again in 7 s\./);
  assert.match(joinProblem(new Refused(503, "")), /status 503.*moment/);
  assert.deepEqual([409, 403, 429, 500, 503].map((status) => new Refused(status, "").passing), [false, false, true, true, true]);
});

test("the connection is graded from what happened since the last look", () => {
  const report = (lost, received, roundTrip) => countersFrom([
    { type: "candidate-pair", nominated: true, currentRoundTripTime: roundTrip },
    { type: "candidate-pair", nominated: false, currentRoundTripTime: 9 },
    { type: "inbound-rtp", kind: "audio", packetsReceived: received, packetsLost: lost, jitter: 0.002 },
    { type: "remote-inbound-rtp", kind: "audio", fractionLost: 0 },
  ]);
  const before = report(100, 1000, 0.02);
  assert.equal(judge(null, before).grade, "unknown");
  assert.equal(judge(before, countersFrom([])).grade, "unknown");
  assert.deepEqual(judge(before, report(100, 1100, 0.02)), { grade: "good", figures: "Round trip 20 ms · loss 0 % · jitter 2 ms" });
  assert.equal(judge(before, report(105, 1095, 0.02)).grade, "fair");
  assert.equal(judge(before, report(120, 1080, 0.02)).grade, "poor");
  assert.equal(judge(before, report(100, 1100, 0.5)).grade, "poor");
  assert.equal(judge(before, report(100, 1000, 0.02)).grade, "good"); // a silent room sends nothing: no loss
  assert.equal(judge(report(100, 1000, 0.02), report(0, 10, 0.02)).grade, "good"); // counters began anew
});

test("a connection on which nothing arrives any more is not alive; one that was never counted is", () => {
  const liveness = new Liveness();
  assert.ok(liveness.isAlive(0, 0) && liveness.isAlive(0, 100_000));
  assert.ok(liveness.isAlive(5, 100_500));
  assert.ok(liveness.isAlive(5, 100_500 + SHORTEST - 1));
  assert.ok(!liveness.isAlive(5, 100_500 + SHORTEST));
  assert.ok(liveness.isAlive(6, 200_000));
  assert.equal(arrivals([{ type: "candidate-pair", bytesReceived: 3, responsesReceived: 1 }, { type: "candidate-pair" }, { type: "codec" }]), 4);
});

/** When a connection whose packets come at these times is first said not to be alive, in milliseconds; null if never. */
function stopped(liveness, times, until) {
  for (let now = 0; now <= until; now += 250) {
    const count = times.filter((time) => time <= now).length;
    if (!liveness.isAlive(count, now)) return now;
  }
  return null;
}

const every = (gap, from, to) => Array.from({ length: Math.floor((to - from) / gap) }, (_, place) => from + place * gap);

test("silence in the midst of speech is noticed after a second, and in a pause after two", () => {
  assert.ok(stopped(new Liveness(), every(20, 0, 10_000), 20_000) <= 10_000 + SHORTEST + INTERVAL);
  assert.ok(stopped(new Liveness(), every(400, 0, 10_000), 20_000) <= 10_000 + 1750 + INTERVAL);
});

test("a network that loses a tenth of few packets, and of the reports that tell so, raises no alarm in ten minutes", () => {
  for (let seed = 1; seed <= 5; seed++) {
    let state = seed;
    const chance = () => (state = (state * 48271) % 2147483647) / 2147483647;
    const sent = [...every(400, 0, 600_000), ...every(1000, 150, 600_000)].sort((a, b) => a - b);
    const times = sent.filter(() => chance() > 0.1);
    assert.equal(stopped(new Liveness(), times, 599_000), null);
  }
});

test("silence counts sooner when something else says that the server is out of reach, and arrivals end that", () => {
  const liveness = new Liveness();
  for (let now = 0; now < 3000; now += 20) liveness.isAlive(now, now);
  liveness.suspect(3000);
  assert.ok(liveness.isAlive(2980, 3000 + SUSPECTED - 21));
  assert.ok(!liveness.isAlive(2980, 3000 + SUSPECTED));
  assert.ok(liveness.isAlive(2981, 3700) && liveness.isAlive(2981, 3700 + SUSPECTED));
});

test("a seat is worth coming back to for a minute, in its own room", () => {
  const seat = { room: "tea", name: "Amy", role: "", proof: "p", muted: true, microphone: true, processing: true, at: 1000 };
  const text = JSON.stringify(seat);
  assert.deepEqual(readSeat(text, "tea", 1000 + WORTH - 1), seat);
  assert.equal(readSeat(text, "tea", 1000 + WORTH), null);
  assert.equal(readSeat(text, "tea", 999), null); // the clock was put back
  assert.equal(readSeat(text, "milk", 2000), null);
  for (const bad of [null, "", "{", "7", "null", "[]", '{"room":"tea"}', '{"room":"tea","proof":7,"at":1000}']) {
    assert.equal(readSeat(bad, "tea", 2000), null);
  }
});

test("trickled candidates are written as an SDP fragment", () => {
  const offer = "v=0\r\na=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=ice-ufrag:EsAw\r\na=ice-pwd:P2uY\r\na=mid:0\r\n";
  assert.equal(
    trickleFragment(offer, ["candidate:1 1 udp 1 192.0.2.1 9 typ host"], true),
    "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uY\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n"
      + "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\na=end-of-candidates\r\n",
  );
  assert.equal(trickleFragment("v=0\r\n", [], false), null);
});

/** A sync, what it told the server, and how often it did it here. */
function sync() {
  const told = [];
  const done = [];
  const answers = [];
  const sync = new MuteSync(
    (muted) => {
      told.push(muted);
      return new Promise((resolve) => answers.push(resolve));
    },
    (muted, byServer) => done.push([muted, byServer]),
  );
  const answer = async () => {
    answers.shift()();
    await Promise.resolve();
    await Promise.resolve();
  };
  return { sync, told, done, answer };
}

test("a mute works here at once, and the server hears the last of several quick ones last", async () => {
  const { sync: mute, told, done, answer } = sync();
  mute.set(true);
  mute.set(false);
  mute.set(true);
  assert.deepEqual(done, [[true, false], [false, false], [true, false]]);
  assert.deepEqual(told, [true]);
  mute.set(false);
  await answer();
  assert.deepEqual(told, [true, false]);
});

test("a mute set by the server is taken over, an old echo is not, and the server never unmutes", async (context) => {
  let now = 0;
  let timer = () => undefined;
  context.mock.method(globalThis, "setTimeout", (act) => {
    timer = act;
    return 1;
  });
  context.mock.method(performance, "now", () => now);
  const { sync: mute, told, done, answer } = sync();
  mute.heard(true);
  assert.deepEqual(done, [[true, true]]);
  now = 5000;
  mute.set(false);
  await answer();
  mute.heard(true); // told before our change arrived
  mute.heard(false);
  now = 7000;
  timer();
  assert.equal(mute.muted, false);
  mute.set(true);
  await answer();
  now = 9000;
  mute.heard(false);
  assert.equal(mute.muted, true);
  assert.deepEqual(told, [false, true, true]); // told again rather than obeyed
});
