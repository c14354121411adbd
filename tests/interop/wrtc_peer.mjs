// A participant on libwebrtc (npm @roamhq/wrtc): joins over WHIP, sends a tone, writes what it hears.
//
//   node wrtc_peer.mjs ENDPOINT FREQUENCY DBFS SECONDS OUT.pcm
//
// OUT.pcm is 48 kHz mono s16le, from the first sample that arrived. Lines on standard output are JSON, one per event:
// {"event": "joined", "location": …}, {"event": "connected"}, {"event": "left", "samples": …}. A failure ends it with
// status 1 and a sentence on standard error.

import { createWriteStream } from "node:fs";
import wrtc from "@roamhq/wrtc";

const { RTCPeerConnection, nonstandard } = wrtc;
const RATE = 48000;
const CHUNK = RATE / 100; // RTCAudioSource takes 10 ms at a time

const [endpoint, frequency, dbfs, seconds, outPath] = process.argv.slice(2);
const say = (event, more = {}) => console.log(JSON.stringify({ event, ...more }));
const sleepUntil = (deadline) => new Promise((done) => setTimeout(done, Math.max(0, deadline - performance.now())));

function toneMaker(hertz, level) {
  const amplitude = 32767 * 10 ** (level / 20);
  let position = 0;
  return () => {
    const samples = new Int16Array(CHUNK);
    for (let i = 0; i < CHUNK; i += 1, position += 1) {
      samples[i] = Math.round(amplitude * Math.sin((2 * Math.PI * hertz * position) / RATE));
    }
    return samples;
  };
}

function record(track, path) {
  const file = createWriteStream(path);
  const sink = new nonstandard.RTCAudioSink(track);
  let written = 0;
  let bad = null;
  sink.ondata = ({ samples, sampleRate, channelCount, numberOfFrames }) => {
    let mono = channelCount === 1 ? Int16Array.from(samples) : samples.filter((_, i) => i % channelCount === 0);
    if (sampleRate !== RATE) {
      // Before the first packet, libwebrtc makes up silence at a rate of its own.
      if (mono.some((sample) => sample !== 0)) bad = `sound came at ${sampleRate} Hz`;
      mono = new Int16Array((numberOfFrames * RATE) / sampleRate);
    }
    written += mono.length;
    file.write(Buffer.from(mono.buffer, mono.byteOffset, mono.byteLength));
  };
  return async () => {
    sink.stop();
    await new Promise((done) => file.end(done));
    if (bad) throw new Error(bad);
    return written;
  };
}

async function join(pc) {
  await pc.setLocalDescription(await pc.createOffer());
  const response = await fetch(endpoint, {
    method: "POST",
    headers: { "Content-Type": "application/sdp" },
    body: pc.localDescription.sdp,
  });
  const text = await response.text();
  if (response.status !== 201) throw new Error(`join answered ${response.status}: ${text}`);
  await pc.setRemoteDescription({ type: "answer", sdp: text });
  return new URL(response.headers.get("Location"), endpoint);
}

function connected(pc) {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error(`not connected in 10 s: ${pc.connectionState}`)), 10000);
    const look = () => {
      if (pc.connectionState === "connected") {
        clearTimeout(limit);
        resolve();
      }
      if (pc.connectionState === "failed") reject(new Error("the connection failed"));
    };
    pc.addEventListener("connectionstatechange", look);
    look();
  });
}

async function main() {
  const pc = new RTCPeerConnection({ iceServers: [] });
  const source = new nonstandard.RTCAudioSource();
  const track = source.createTrack();
  pc.addTrack(track);
  let finish = async () => 0;
  pc.addEventListener("track", (event) => {
    finish = record(event.track, outPath);
  });
  const location = await join(pc);
  say("joined", { location: location.href });
  await connected(pc);
  say("connected");

  const nextChunk = toneMaker(Number(frequency), Number(dbfs));
  const start = performance.now();
  for (let n = 0; n < Number(seconds) * 100; n += 1) {
    source.onData({ samples: nextChunk(), sampleRate: RATE, bitsPerSample: 16, channelCount: 1, numberOfFrames: CHUNK });
    await sleepUntil(start + (n + 1) * 10);
  }
  const samples = await finish();
  const left = await fetch(location, { method: "DELETE" });
  track.stop();
  pc.close();
  say("left", { samples, status: left.status });
}

main().then(
  () => process.exit(0), // libwebrtc's threads would keep the process for a while
  (error) => {
    console.error(error.message);
    process.exit(1);
  },
);
