// Small parts of the page: addresses and times.
// Run by test_pure_modules.py, or: node --test tests/page/
import assert from "node:assert/strict";
import { test } from "node:test";

import { entryNeeds, invitationAddress, readInvitation, roomNameProblem, shownAddress } from "../../static/js/page/address.js";
import { formatDuration } from "../../static/js/page/time.js";

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

test("whoever copies the link is told what else it takes to get in", () => {
  assert.equal(entryNeeds(false, false), "");
  assert.match(entryNeeds(true, true), /PIN\.$/);
  assert.match(entryNeeds(false, true), /invitation of their own/);
});

test("durations are written as people write them", () => {
  assert.deepEqual([0, 7.9, 61, 3723, -5].map(formatDuration), ["0:00", "0:07", "1:01", "1:02:03", "0:00"]);
});
