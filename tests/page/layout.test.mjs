// How people are arranged, and who is named as talking. Run by test_pure_modules.py, or: node --test tests/page/
import assert from "node:assert/strict";
import { test } from "node:test";

import { arrange, MOST_TILES } from "../../static/js/people/layout.js";
import { LINGER, nameTalkers, nextChange, NOBODY } from "../../static/js/people/talkers.js";

/** The same numbers in every run. */
function chance(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** In rem: the stages of windows of 320, 390, 768, 1280 and 1920 pixels. */
const STAGES = [[18.5, 22], [22.9, 40], [45, 50], [75, 30], [112, 46]];

test("tiles never stick out of the stage, and a list never does sideways", () => {
  for (let width = 10; width < 130; width += 3.7) {
    for (let height = 6; height < 70; height += 4.3) {
      for (let count = 1; count <= 80; count += 1) {
        const shape = arrange(count, width, height);
        const where = `${count} people in ${width} by ${height}: ${JSON.stringify(shape)}`;
        const rows = Math.ceil(count / shape.columns);
        const total = (parts, length) => parts * length + (parts - 1) * shape.gap;
        assert.ok(shape.columns >= 1 && shape.columns <= count, where);
        assert.ok(total(shape.columns, shape.width) <= width + 1e-9, where);
        if (shape.look === "tiles") assert.ok(total(rows, shape.height) <= height + 1e-9, where);
      }
    }
  }
});

test("few people fill the stage, and more people than twenty are a list", () => {
  for (const [width, height] of STAGES) {
    for (const count of [1, 2, 3, 4]) {
      const shape = arrange(count, width, height);
      const rows = Math.ceil(count / shape.columns);
      const full = [shape.columns * shape.width / width, rows * shape.height / height, shape.width / 56, shape.height / 36];
      assert.equal(shape.look, "tiles");
      assert.ok(Math.max(...full) > 0.9, `${count} in ${width} by ${height}: ${JSON.stringify(shape)}`);
    }
    assert.equal(arrange(MOST_TILES + 1, width, height).look, "list");
  }
  assert.equal(arrange(12, 75, 30).look, "tiles");
  assert.equal(arrange(12, 22.9, 40).look, "tiles");
});

test("a wider stage never takes columns from a list", () => {
  for (const count of [21, 25, 60, 300]) {
    let before = 0;
    for (let width = 10; width < 140; width += 0.9) {
      const { columns } = arrange(count, width, 30);
      assert.ok(columns >= before, `${count} in ${width}`);
      before = columns;
    }
  }
});

test("who talks is named for as long as they talk and a while longer, in the same place", () => {
  const here = new Set(["amy", "ben", "cy", "dee"]);
  let talkers = nameTalkers(NOBODY, here, new Set(["ben", "cy"]), 0, 2);
  assert.deepEqual(talkers.named.map((one) => one.id), ["ben", "cy"]);
  talkers = nameTalkers(talkers, here, new Set(["cy"]), 60_000, 2);
  assert.deepEqual(talkers.named.map(({ id, talking }) => [id, talking]), [["ben", false], ["cy", true]]);
  assert.equal(nextChange(talkers), 60_000 + LINGER);
  talkers = nameTalkers(talkers, here, new Set(["cy", "amy", "dee"]), 60_100, 2);
  assert.deepEqual(talkers.named.map((one) => one.id), ["amy", "cy"], "whoever is silent makes room, in their place");
  assert.equal(talkers.more, 1);
  talkers = nameTalkers(talkers, here, new Set(), 60_200, 2);
  assert.equal(talkers.named.length, 2);
  talkers = nameTalkers(talkers, here, new Set(), 60_200 + LINGER, 2);
  assert.deepEqual(talkers, { named: [], more: 0 });
  assert.equal(nextChange(talkers), null);
});

test("whatever happens, everybody who talks is named or counted, nobody twice, and nobody who talks moves", () => {
  for (let seed = 1; seed <= 200; seed += 1) {
    const any = chance(seed);
    const everybody = [..."abcdefgh"];
    let talkers = NOBODY;
    let now = 0;
    for (let step = 0; step < 60; step += 1) {
      now += any(2500);
      const places = 1 + any(5);
      const here = new Set(everybody.filter(() => any(8) > 0));
      const talking = new Set(everybody.filter(() => any(3) === 0));
      const before = talkers.named;
      talkers = nameTalkers(talkers, here, talking, now, places);
      const ids = talkers.named.map((one) => one.id);
      assert.equal(new Set(ids).size, ids.length);
      assert.ok(ids.length <= places && ids.every((id) => here.has(id)));
      const heard = [...talking].filter((id) => here.has(id));
      const named = heard.filter((id) => ids.includes(id));
      assert.equal(named.length + talkers.more, heard.length);
      assert.ok(talkers.more === 0 || named.length === places, "nobody is only counted while a silent one is named");
      const stayed = before.map((one) => one.id).filter((id) => ids.includes(id));
      assert.deepEqual(ids.filter((id) => stayed.includes(id)), stayed, "nobody changes places");
    }
  }
});
