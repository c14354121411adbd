// The room's event stream: when it is opened, from where it goes on, and that nobody is told what nobody looks at.
import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { Client } from "../../static/js/signalling/client.js";
import { RoomEvents } from "../../static/js/signalling/events.js";

class Source extends EventTarget {
  static CLOSED = 2;
  static opened = [];
  readyState = 1;

  constructor(address) {
    super();
    this.query = Object.fromEntries(new URL(address, "http://here").searchParams);
    Source.opened.push(this);
  }

  close() {
    this.readyState = Source.CLOSED;
  }

  tell(type, lastEventId, data = {}) {
    this.dispatchEvent(Object.assign(new Event(type), { lastEventId, data: JSON.stringify(data) }));
  }
}

/** A stream of a room, open, and what came of it. */
function stream() {
  globalThis.EventSource = Source;
  Source.opened = [];
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
  const client = new Client("tea", "");
  client.proof = "seat";
  const events = new RoomEvents(client);
  const told = [];
  events.addEventListener("event", ({ detail }) => told.push(detail.type));
  events.open();
  return { events, told, current: () => Source.opened.at(-1) };
}

test("a stream begins with all there is, and tells what comes", () => {
  const { told, current } = stream();
  assert.deepEqual(current().query, { batch: "1", seat: "seat" });
  current().tell("room", "a-1");
  current().tell("levels", "a-1", { levels: {} });
  assert.deepEqual(told, ["room", "levels"]);
});

test("a page that is out of sight for a while is not told how loud people are, and misses nothing else", () => {
  const { events, current } = stream();
  current().tell("room", "a-1");
  current().tell("message", "a-2");
  events.look(false);
  mock.timers.tick(9_999);
  assert.equal(Source.opened.length, 1);
  const before = current();
  mock.timers.tick(1);
  assert.equal(before.readyState, Source.CLOSED);
  assert.deepEqual(current().query, { batch: "1", levels: "0", last_event_id: "a-2", seat: "seat" });
  current().tell("message", "a-3");
  events.look(true);
  mock.timers.tick(0);
  assert.deepEqual(current().query, { batch: "1", last_event_id: "a-3", seat: "seat" });
  assert.equal(Source.opened.length, 3);
});

test("a short look elsewhere changes nothing", () => {
  const { events } = stream();
  for (let time = 0; time < 5; time += 1) {
    events.look(false);
    mock.timers.tick(5_000);
    events.look(true);
    mock.timers.tick(5_000);
  }
  assert.equal(Source.opened.length, 1);
});

test("a stream that is opened anew while nobody looks begins without levels, and one that is closed stays closed", () => {
  const { events, current } = stream();
  current().tell("room", "a-1");
  events.look(false);
  mock.timers.tick(10_000);
  events.open();
  assert.deepEqual(current().query, { batch: "1", levels: "0", seat: "seat" });
  events.close();
  events.look(true);
  mock.timers.tick(60_000);
  assert.equal(Source.opened.length, 3);
});

test("a stream that is refused is asked for again, later each time, from where it was", () => {
  const { current } = stream();
  current().tell("room", "a-1");
  for (const wait of [1500, 3000, 6000]) {
    const { length } = Source.opened;
    current().readyState = Source.CLOSED;
    current().dispatchEvent(new Event("error"));
    mock.timers.tick(wait - 1);
    assert.equal(Source.opened.length, length);
    mock.timers.tick(1);
    assert.equal(current().query.last_event_id, "a-1");
  }
});
