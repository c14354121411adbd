// A participant on werift (npm), WebRTC in TypeScript. How it is run: whip.mjs.

import { MediaStreamTrack, RTCPeerConnection, RTCRtpCodecParameters } from "werift";
import { heard, run, until } from "./whip.mjs";

const PAYLOAD_TYPE = 96;
const opus = new RTCRtpCodecParameters({
  mimeType: "audio/opus",
  clockRate: 48000,
  channels: 2,
  payloadType: PAYLOAD_TYPE,
});
const pc = new RTCPeerConnection({
  codecs: { audio: [opus], video: [] },
  iceServers: [],
  iceAdditionalHostAddresses: ["127.0.0.1"],
});
const track = new MediaStreamTrack({ kind: "audio" });
pc.addTransceiver(track, { direction: "sendrecv" });
pc.onTrack.subscribe((theirs) => theirs.onReceiveRtp.subscribe((packet) => heard(packet.payload)));

run({
  payloadType: PAYLOAD_TYPE,
  ssrc: 1, // werift puts its own in
  async offer() {
    await pc.setLocalDescription(await pc.createOffer());
    await until(() => pc.iceGatheringState === "complete", "it has gathered its candidates");
    return pc.localDescription.sdp;
  },
  accept: (answer) => pc.setRemoteDescription({ type: "answer", sdp: answer }),
  connected: () => until(() => pc.connectionState === "connected", "it is connected"),
  send: (packet) => track.writeRtp(packet),
  close: () => pc.close(),
});
