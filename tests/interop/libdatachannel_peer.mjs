// A participant on libdatachannel (npm node-datachannel). How it is run: whip.mjs.

import { Audio, PeerConnection, RtcpReceivingSession } from "node-datachannel";
import { heard, payloadOf, run, until } from "./whip.mjs";

const PAYLOAD_TYPE = 111;
const SSRC = 0x0c0ffee0;

const pc = new PeerConnection("libdatachannel", { iceServers: [], bindAddress: "127.0.0.1" });
const audio = new Audio("audio", "SendRecv");
audio.addOpusCodec(PAYLOAD_TYPE);
audio.addSSRC(SSRC, "libdatachannel", "stream", "track");
const track = pc.addTrack(audio);
track.setMediaHandler(new RtcpReceivingSession());
track.onMessage((packet) => heard(payloadOf(packet)));

// libdatachannel gives an answer to ICE before it keeps its fingerprint. Somebody who knows its candidates can be through
// ICE and DTLS in between: the certificate then matches nothing, and the peer closes. To offer no candidates avoids that:
// nobody can reach the peer before its own checks do, and those begin when the whole answer is in.
const CANDIDATES = /a=(candidate:.*|end-of-candidates)\r\n/g;

run({
  payloadType: PAYLOAD_TYPE,
  ssrc: SSRC,
  async offer() {
    pc.setLocalDescription("offer");
    await until(() => pc.gatheringState() === "complete", "it has gathered its candidates");
    return pc.localDescription().sdp.replace(CANDIDATES, "");
  },
  async accept(answer) {
    pc.setRemoteDescription(answer, "answer");
  },
  connected: () => until(() => pc.state() === "connected" && track.isOpen(), "it is connected"),
  send: (packet) => track.sendMessageBinary(packet),
  async close() {
    pc.close();
  },
});
