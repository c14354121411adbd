// The chat, and the links in it.
// Run by test_pure_modules.py, or: node --test tests/page/
import assert from "node:assert/strict";
import { test } from "node:test";

import { KEPT, spoken, withMessage } from "../../static/js/chat/chatlog.js";
import { linkParts } from "../../static/js/chat/links.js";

test("the chat keeps the latest messages, and says long ones only in part", () => {
  const message = (number) => ({ id: "a", name: "Amy", text: String(number), sent_at: number });
  let log = [];
  for (let number = 0; number < KEPT + 5; number++) log = withMessage(log, message(number));
  assert.equal(log.length, KEPT);
  assert.equal(log[0].text, "5");
  assert.equal(spoken(message(1)), "Amy writes: 1");
  assert.ok(spoken({ ...message(1), text: "x".repeat(2000) }).length < 250);
});

const links = (text) => linkParts(text).filter((part) => part.href !== null).map((part) => part.text);

test("an address ends before the punctuation that ends the sentence", () => {
  for (const [text, expected] of [
    ["see https://x.org", "https://x.org"],
    ["see https://x.org.", "https://x.org"],
    ["https://x.org/a?b=1,2&c=%20#d!", "https://x.org/a?b=1,2&c=%20#d"],
    ["(https://x.org/a)", "https://x.org/a"],
    ["(see https://x.org/a_(b)).", "https://x.org/a_(b)"],
    ["https://en.wikipedia.org/wiki/Mix_(sound)", "https://en.wikipedia.org/wiki/Mix_(sound)"],
    ["<https://x.org/a>", "https://x.org/a"],
    ["\"https://x.org/a\", he said", "https://x.org/a"],
    ["‘https://x.org/a’…", "https://x.org/a"],
    ["https://x.org/a?!", "https://x.org/a"],
    ["https://x.org/a/", "https://x.org/a/"],
    ["HTTPS://X.org/A", "HTTPS://X.org/A"],
    ["http://127.0.0.1:8080/join/standup", "http://127.0.0.1:8080/join/standup"],
    ["http://[::1]:8080/", "http://[::1]:8080/"],
    ["https://例え.jp/パス。", "https://例え.jp/パス"],
    ["a:https://x.org", "https://x.org"],
    ["https://x.org\nhttps://y.org", "https://x.org|https://y.org"],
    ["https://x.org,https://y.org", "https://x.org,https://y.org"],
  ]) assert.equal(links(text).join("|"), expected, text);
});

test("what is no address of the web is no link", () => {
  for (const text of [
    "", "x.org", "javascript:alert(1)", "JaVaScRiPt://x.org/%0aalert(1)", "data:text/html,https", "ftp://x.org", "mailto:a@x.org",
    "https://", "http://.", "https:// x.org", "https:x.org", "xhttps://x.org", "https://bank.example@evil.example/",
    "https://a:b@x.org", "http://[", "http://%", "https://<script>", "file:///etc/passwd", "vbscript:https:/x.org",
  ]) assert.deepEqual(links(text), [], text);
});

test("what is not to be seen, or turns the writing around, is in no link", () => {
  for (const mark of ["\u202e", "\u2066", "\u200b", "\u00ad", "\u0000", "\u2028", "\ufeff", "\u{e0041}"]) {
    assert.deepEqual(links(`https://x.org/a${mark}b`), ["https://x.org/a"], escape(mark));
  }
});

test("whatever is written, nothing of it is lost, and links lead to where they say", () => {
  const pieces = [
    "https://", "http://", "HTTP://", "x.org", "/", "a", "é", "\u{1f600}", "(", ")", "[", "]", ".", ",", "!", "?", " ", "\n", "<", ">", "\"", "'", "@",
    ":", "%", "%41", "#", "&", "=", "javascript:", "\u202e", "\ud83d", "\\", "|", "。", "「", "」", "-", "_", "*", "127.0.0.1", "[::1]", "8080",
  ];
  let state = 7;
  const any = (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  let found = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const text = Array.from({ length: 1 + any(14) }, () => pieces[any(pieces.length)]).join("");
    const parts = linkParts(text);
    assert.equal(parts.map((part) => part.text).join(""), text);
    for (const { text: shown, href } of parts) {
      assert.notEqual(shown, "");
      if (href === null) continue;
      found += 1;
      const url = new URL(href);
      assert.match(url.protocol, /^https?:$/);
      assert.equal(url.href, new URL(shown).href);
      assert.equal(url.username + url.password, "");
      assert.match(shown, /^https?:\/\//i);
      assert.doesNotMatch(shown, /[\s<>"\u202e.,!?]$|[\s<>"\u202e]/);
    }
  }
  assert.ok(found > 1000, `${found} links in 20000 texts`);
});

test("the longest message, made to take long, is taken apart at once", () => {
  for (const piece of ["https://x.org/(", "https://", "https://x.org)))", "http://a.", "(((", ")"]) {
    const text = piece.repeat(2000);
    assert.equal(linkParts(text).map((part) => part.text).join(""), text);
  }
  assert.equal(linkParts(`https://x.org/${")".repeat(100_000)}`)[0].text, "https://x.org/");
});
