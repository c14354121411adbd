// What the peers in Node share: joining over WHIP, Opus packets in and out, and words with the test that started them.
//
//   node PEER.mjs ENDPOINT PACKETS.json
//
// PACKETS.json has Opus payloads of 20 ms in base64; they are sent over and over. Lines on standard output are JSON, one
// per event: {"event": "connected"}, {"event": "packet", "payload": "…"} for each that is heard, and {"event": "left",
// "status": 204} in the end. The end of standard input asks a peer to leave. A failure ends it with status 1 and a
// sentence on standard error.

import { readFile } from "node:fs/promises";

const [endpoint, packetsPath] = process.argv.slice(2);
const FRAME = 960; // samples: 20 ms at 48 kHz
const HEADER = 12;

export const say = (event, more = {}) => console.log(JSON.stringify({ event, ...more }));
export const heard = (payload) => say("packet", { payload: payload.toString("base64") });

/** What an RTP packet carries. */
export function payloadOf(packet) {
  const contributors = 4 * (packet[0] & 0x0f);
  const extended = packet[0] & 0x10;
  const body = HEADER + contributors;
  const start = extended ? body + 4 + 4 * packet.readUInt16BE(body + 2) : body;
  return packet.subarray(start);
}

/** Offer what the peer has to offer; gives the answer. */
async function join(offer) {
  const response = await fetch(endpoint, {
    method: "POST",
    headers: { "Content-Type": "application/sdp" },
    body: offer,
  });
  const answer = await response.text();
  if (response.status !== 201) throw new Error(`join answered ${response.status}: ${answer}`);
  return { answer, location: new URL(response.headers.get("Location"), endpoint) };
}

/** Send a packet every 20 ms until somebody says stop; gives what says it. */
function speak(payloads, payloadType, ssrc, send) {
  const start = performance.now();
  let number = 0;
  const timer = setInterval(() => {
    for (; start + 20 * number <= performance.now(); number += 1) {
      const header = Buffer.alloc(HEADER);
      header[0] = 0x80;
      header[1] = payloadType;
      header.writeUInt16BE(number & 0xffff, 2);
      header.writeUInt32BE((number * FRAME) >>> 0, 4);
      header.writeUInt32BE(ssrc, 8);
      send(Buffer.concat([header, payloads[number % payloads.length]]));
    }
  }, 10);
  return () => clearInterval(timer);
}

/**
 * A peer's whole stay.
 *
 * @param {object} peer offer(): the offer, with its candidates; accept(answer); connected(): resolves once it is;
 *   send(packet): an RTP packet; payloadType, ssrc: of what it sends; close().
 */
export async function stay(peer) {
  const payloads = JSON.parse(await readFile(packetsPath, "utf8")).map((text) => Buffer.from(text, "base64"));
  const asked = new Promise((done) => process.stdin.on("end", done).resume());
  const { answer, location } = await join(await peer.offer());
  await peer.accept(answer);
  await peer.connected();
  say("connected");
  const stop = speak(payloads, peer.payloadType, peer.ssrc, (packet) => peer.send(packet));
  await asked;
  stop();
  const left = await fetch(location, { method: "DELETE" });
  await peer.close();
  say("left", { status: left.status });
}

/** Run it, and end this process, whatever threads the peer's stack keeps. */
export function run(peer) {
  stay(peer).then(
    () => process.exit(0),
    (error) => {
      console.error(error.message);
      process.exit(1);
    },
  );
}

/** Resolves once look() says so; rejects when it took 10 s. */
export function until(look, what) {
  const deadline = performance.now() + 10000;
  return new Promise((resolve, reject) => {
    const timer = setInterval(() => {
      if (look()) resolve(clearInterval(timer));
      else if (performance.now() > deadline) reject(new Error(`never came true: ${what}`, clearInterval(timer)));
    }, 10);
  });
}
