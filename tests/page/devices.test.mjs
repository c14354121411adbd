// Levels of sound, as a meter shows them.
// Run by test_pure_modules.py, or: node --test tests/page/
import assert from "node:assert/strict";
import { test } from "node:test";

import { fullness, levelOf } from "../../static/js/devices/levels.js";

test("a meter is empty at silence, full when loud, and never leaves its scale", () => {
  assert.equal(fullness(-127), 0);
  assert.equal(fullness(0), 1);
  assert.ok(fullness(-40) < fullness(-20));
  assert.equal(levelOf(new Float32Array(64)), -127);
  assert.equal(levelOf(new Float32Array(64).fill(1)), 0);
  assert.ok(Math.abs(levelOf(new Float32Array(64).fill(0.1)) + 20) < 1e-4);
});
