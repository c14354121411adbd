// A bot in JavaScript: listens to each person by themselves, and answers whoever has said something.
//
//     node examples/audio_socket.mjs ws://127.0.0.1:8080/rooms/standup/audio
//
// Node.js 22, or 20 with --experimental-websocket. All but the first and last lines work in a browser, too.

const RATE = 16_000;
// What a bot of yours would get from its model: 16 bits, little-endian, one channel. Here three seconds of a tone.
const REPLY = Int16Array.from({ length: 3 * RATE }, (_, n) => 8000 * Math.sin((2 * Math.PI * 600 * n) / RATE));

const voices = new Map(); // what each person has said since they began to talk
const names = new Map();
let replying = false;

const socket = new WebSocket(`${process.argv[2]}?name=Bot&rate=${RATE}`);
socket.binaryType = "arraybuffer";
socket.onmessage = ({ data }) => {
  if (typeof data !== "string") {
    const view = new DataView(data);
    const voice = view.getUint32(0, true); // whose it is
    const at = Number(view.getBigUint64(4, true)); // when it was heard, in milliseconds of Unix time
    voices.get(voice).push({ at, samples: new Int16Array(data, 12) }); // for your recogniser
    return;
  }
  const said = JSON.parse(data);
  if (said.type === "started") {
    voices.set(said.voice, []);
    names.set(said.voice, said.name);
    console.log(`${said.name} begins`);
    if (replying) socket.send(JSON.stringify({ type: "flush" }));
  } else if (said.type === "stopped") {
    const seconds = voices.get(said.voice).reduce((sum, { samples }) => sum + samples.length, 0) / RATE;
    console.log(`${names.get(said.voice)} has talked for ${seconds.toFixed(1)} s`);
    socket.send(REPLY);
    socket.send(JSON.stringify({ type: "mark", name: "reply" }));
    replying = true;
  } else if (said.type === "flushed") {
    console.log(`interrupted after ${(said.played_ms / 1000).toFixed(1)} s`);
  } else if (said.type === "mark") {
    replying = false;
    if (said.played) console.log("the reply was heard");
  }
};
socket.onclose = () => process.exit();
