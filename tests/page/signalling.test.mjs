// What is asked of the server, and what is said when it refuses.
// Run by test_pure_modules.py, or: node --test tests/page/
import assert from "node:assert/strict";
import { test } from "node:test";

import { microphoneProblem, missingCapability } from "../../static/js/devices/problems.js";
import { joinProblem, pinProblem, pinQuestion, requestProblem } from "../../static/js/page/problems.js";
import { isPinWanted, isSentAway, NoMedia, Refused, Unreachable } from "../../static/js/signalling/errors.js";

import { trickleFragment } from "../../static/js/signalling/trickle.js";

test("trickled candidates are written as an SDP fragment", () => {
  const offer = "v=0\r\na=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=ice-ufrag:EsAw\r\na=ice-pwd:P2uY\r\na=mid:0\r\n";
  assert.equal(
    trickleFragment(offer, ["candidate:1 1 udp 1 192.0.2.1 9 typ host"], true),
    "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uY\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n"
      + "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\na=end-of-candidates\r\n",
  );
  assert.equal(trickleFragment("v=0\r\n", [], false), null);
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
