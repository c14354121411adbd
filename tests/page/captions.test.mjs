// What is shown of what was said.
import assert from "node:assert/strict";
import { test } from "node:test";

import { withCaption, withCaptions } from "../../static/js/captions/captionlines.js";

const caption = (id, text, final = false, begins_at = 0) => ({ id, participant: "amy", name: "Amy", text, final, begins_at });

test("a caption takes the place of what was told of it before, until it is final", () => {
  let lines = withCaption([], caption("1", "good"));
  lines = withCaption(lines, caption("1", "good morning"));
  lines = withCaption(lines, caption("1", "Good morning.", true));
  assert.deepEqual(lines.map((one) => one.text), ["Good morning."]);
  assert.equal(withCaption(lines, caption("1", "good")), lines);
});

test("those who talk at once stand in the order in which they began", () => {
  let lines = withCaption([], caption("1", "one", false, 1));
  lines = withCaption(lines, caption("3", "three", true, 3));
  lines = withCaption(lines, caption("2", "two", true, 2));
  lines = withCaption(lines, caption("1", "one!", true, 1));
  assert.deepEqual(lines.map((one) => one.text), ["one!", "two", "three"]);
});

test("what was said before stands before it, and nothing twice", () => {
  const lines = withCaption([], caption("2", "two", true, 2));
  const all = withCaptions(lines, [caption("1", "one", true, 1), caption("2", "two", true, 2)]);
  assert.deepEqual(all.map((one) => one.id), ["1", "2"]);
});

test("only so many are kept, the last", () => {
  let lines = [];
  for (let number = 0; number < 150; number++) lines = withCaption(lines, caption(String(number), "x", true, number));
  assert.equal(lines.length, 100);
  assert.equal(lines[99].id, "149");
});
