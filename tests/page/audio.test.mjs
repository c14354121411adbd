// A microphone that the system takes away, a page that was stopped, and sound that has to go on after.
// Run by test_pure_modules.py, or: node --test tests/page/
import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { Interruptions } from "../../static/js/audio/interruptions.js";
import { MicrophoneWatch } from "../../static/js/audio/microphonewatch.js";
import { Playback } from "../../static/js/audio/playback.js";

/** A microphone's track, which the system silences, lets sound again, and ends. */
class Track extends EventTarget {
  readyState = "live";
  muted = false;

  turn(state) {
    if (state === "ended") this.readyState = state;
    else this.muted = state === "mute";
    this.dispatchEvent(new Event(state));
  }
}

const failure = (name) => Object.assign(new Error(name), { name });

beforeEach(() => mock.timers.reset());

/** A watch, and how often it has opened a microphone; `next` says what it finds: a track, or an error. */
function watched() {
  mock.timers.enable({ apis: ["setTimeout"] });
  const state = { opened: 0, next: () => new Track(), told: [] };
  const watch = new MicrophoneWatch(async () => {
    state.opened += 1;
    const found = state.next();
    if (found instanceof Error) throw found;
    watch.watch(found);
  });
  watch.addEventListener("change", () => state.told.push(watch.interrupted));
  const track = new Track();
  watch.watch(track);
  return { watch, state, track };
}

/** Lets this much time go by, and what was begun meanwhile come to its end. */
async function pass(milliseconds) {
  for (let gone = 0; gone < milliseconds; gone += 100) {
    mock.timers.tick(100);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("a microphone that ends is opened anew at once, and that is told", async () => {
  const { state, track } = watched();
  track.turn("ended");
  assert.deepEqual(state.told, [true]);
  await pass(100);
  assert.deepEqual([state.opened, state.told], [1, [true, false]]);
});

test("one that is silenced for a moment is left alone", async () => {
  const { state, track } = watched();
  track.turn("mute");
  await pass(200);
  track.turn("unmute");
  await pass(5000);
  assert.deepEqual([state.opened, state.told], [0, []]);
});

test("during a call it is tried now and then, until there is one that sounds", async () => {
  const { state, track } = watched();
  state.next = () => Object.assign(new Track(), { muted: true });
  track.turn("mute");
  await pass(20_000);
  assert.ok(state.opened >= 3 && state.opened <= 8, `${state.opened}`);
  assert.deepEqual(state.told, [true]);
  state.next = () => new Track();
  await pass(9000);
  assert.deepEqual(state.told, [true, false]);
  const { opened } = state;
  await pass(30_000);
  assert.equal(state.opened, opened, "there is one: no other is wanted");
});

test("one that sounds again by itself ends it", async () => {
  const { state, track } = watched();
  state.next = () => failure("NotReadableError");
  track.turn("mute");
  await pass(3000);
  track.turn("unmute");
  const { opened } = state;
  await pass(30_000);
  assert.deepEqual([state.told, state.opened], [[true, false], opened]);
});

test("who is refused is not asked again and again, but when they come back", async () => {
  const { watch, state, track } = watched();
  state.next = () => failure("NotAllowedError");
  track.turn("ended");
  await pass(60_000);
  assert.equal(state.opened, 1);
  state.next = () => new Track();
  watch.back();
  await pass(100);
  assert.deepEqual(state.told, [true, false]);
});

test("coming back opens one anew where the last has gone unnoticed, and none where it sounds", async () => {
  const { watch, state, track } = watched();
  watch.back();
  await pass(1000);
  assert.equal(state.opened, 0);
  track.readyState = "ended"; // a frozen page is told of nothing
  watch.back();
  await pass(100);
  assert.deepEqual([state.opened, state.told], [1, [true, false]]);
});

test("what happens to a microphone that is put away, or was before this one, does not matter", async () => {
  const { watch, state, track } = watched();
  const other = new Track();
  watch.watch(other);
  track.turn("ended");
  watch.watch(null);
  other.turn("ended");
  watch.back();
  await pass(20_000);
  assert.deepEqual([state.opened, state.told], [0, []]);
});

test("whatever happens in whatever order, in the end there is sound, and that is told", async () => {
  let seed = 11;
  const any = (below) => (seed = (seed * 48271) % 2147483647) % below;
  for (let round = 0; round < 60; round += 1) {
    const { watch, state, track } = watched();
    let current = track;
    state.next = () => [() => failure("NotReadableError"), () => (current = Object.assign(new Track(), { muted: true })), () => (current = new Track())][any(3)]();
    for (let step = 0; step < 12; step += 1) {
      [() => current.turn("mute"), () => current.turn("unmute"), () => current.turn("ended"), () => watch.back()][any(4)]();
      await pass(100 * any(15));
    }
    state.next = () => (current = new Track());
    await pass(10_000);
    assert.ok(current.readyState === "live" && !current.muted && !watch.interrupted, `round ${round}: ${state.told}`);
    assert.deepEqual(state.told, state.told.map((_, place) => place % 2 === 0));
    watch.watch(null);
    mock.timers.reset();
  }
});

/** A window with its document and navigator, as far as is looked at. */
function aWindow() {
  const page = new EventTarget();
  page.document = Object.assign(new EventTarget(), { hidden: false });
  page.navigator = { connection: new EventTarget() };
  return page;
}

test("a page that was hidden, frozen, kept, cut off or asleep is back, once for all that tells so", () => {
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const page = aWindow();
  let now = 0;
  let backs = 0;
  let networks = 0;
  const interruptions = new Interruptions(page, () => now);
  interruptions.addEventListener("back", () => (backs += 1));
  interruptions.addEventListener("network", () => (networks += 1));
  const after = (act) => {
    const before = backs;
    act();
    mock.timers.tick(100);
    return backs - before;
  };
  page.document.hidden = true;
  assert.equal(after(() => page.document.dispatchEvent(new Event("visibilitychange"))), 0);
  page.document.hidden = false;
  assert.equal(after(() => {
    page.document.dispatchEvent(new Event("visibilitychange"));
    page.document.dispatchEvent(new Event("resume"));
    page.dispatchEvent(new Event("pageshow"));
  }), 1);
  assert.equal(after(() => page.dispatchEvent(new Event("online"))), 1);
  now = 3000;
  mock.timers.tick(4000);
  assert.equal(backs, 2);
  now = 60_000; // the lid was closed
  mock.timers.tick(4000);
  mock.timers.tick(100);
  assert.equal(backs, 3);
  page.navigator.connection.dispatchEvent(new Event("change"));
  assert.equal(networks, 1);
  interruptions.stop();
  assert.equal(after(() => page.dispatchEvent(new Event("online"))), 0);
});

test("what was paused by a call is played again, and a browser that wants a tap first is told apart", async () => {
  const element = Object.assign(new EventTarget(), { srcObject: null, played: 0, refuse: "" });
  element.play = async () => {
    if (element.refuse) throw failure(element.refuse);
    element.played += 1;
  };
  const playback = new Playback(element);
  const told = [];
  for (const type of ["blocked", "playing"]) playback.addEventListener(type, () => told.push(type));
  element.dispatchEvent(new Event("pause"));
  assert.equal(element.played, 0, "there is nothing to play");
  await playback.play({});
  element.dispatchEvent(new Event("pause"));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([element.played, told], [2, ["playing", "playing"]]);
  element.refuse = "NotAllowedError";
  await playback.resume();
  element.refuse = "AbortError";
  await playback.resume();
  assert.deepEqual(told.slice(2), ["blocked"]);
  element.refuse = "";
  playback.stop(); // the element was lent to us, and who has it may pause it from now on
  element.srcObject = {};
  element.dispatchEvent(new Event("pause"));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(element.played, 2);
});
