// The connection and its liveness, the way back into the seat, and the mute.
// Run by test_pure_modules.py, or: node --test tests/page/
import assert from "node:assert/strict";
import { test } from "node:test";

import { delayBefore, PATIENCE } from "../../static/js/call/backoff.js";
import { readSeat, WORTH } from "../../static/js/call/keptseat.js";
import { arrivals, INTERVAL, Liveness, SHORTEST, SUSPECTED } from "../../static/js/call/liveness.js";
import { MuteSync } from "../../static/js/call/mutesync.js";
import { countersFrom, judge } from "../../static/js/call/quality.js";
import { Refused } from "../../static/js/signalling/errors.js";

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
  assert.deepEqual(judge(before, report(100, 1100, 0.02)), { grade: "good", figures: { roundTrip: 0.02, loss: 0, jitter: 0.002 } });
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
