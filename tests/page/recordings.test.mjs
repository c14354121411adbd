// What is shown of a recording.
import assert from "node:assert/strict";
import { test } from "node:test";

import { saidAt, timelineOf } from "../../static/js/recordings/lanes.js";

const person = (id, name) => ({ participant: { id, name } });
const lines = (...events) => events.map(([t, event, data]) => JSON.stringify({ t, event, data })).join("\n");

test("who talked has a lane, and what is not JSON is left out", () => {
  const text = lines(
    [0, "participant.joined", person("a", "Amy")],
    [0, "participant.joined", person("b", "Ben")],
    [1, "talking.started", { id: "a" }],
    [2, "talking.stopped", { id: "a" }],
    [3, "recording.paused", {}],
    [4, "recording.resumed", {}],
    [5, "talking.started", { id: "a" }],
  );
  assert.deepEqual(timelineOf(`${text}\n{half`, 6), {
    lanes: [{ id: "a", name: "Amy", spurts: [[1, 2], [5, 6]] }], pauses: [[3, 4]], said: [],
  });
});

test("what was said is there with who said it, while it is said and a little longer", () => {
  const caption = (name, text, begins_at, ends_at) => ({ name, text, begins_at, ends_at });
  const { said } = timelineOf(lines(
    [1, "caption", caption("Amy", "Good morning.", 1001, 1003)],
    [2, "caption", caption("Ben", "Hello!", 1002, 1002.5)],
  ), 10);
  const words = (seconds) => saidAt(said, seconds).map((one) => `${one.name}: ${one.text}`);
  assert.deepEqual(words(0.9), []);
  assert.deepEqual(words(1), ["Amy: Good morning."]);
  assert.deepEqual(words(2.2), ["Amy: Good morning.", "Ben: Hello!"]);
  assert.deepEqual(words(3.8), ["Amy: Good morning."]);
  assert.deepEqual(words(4), []);
});
