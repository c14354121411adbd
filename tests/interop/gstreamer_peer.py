"""A participant on GStreamer's webrtcbin: joins over WHIP, sends a tone, and tells what it hears.

    /usr/bin/python3 gstreamer_peer.py ENDPOINT FREQUENCY DBFS

It runs on the system's Python, whose packages bring GStreamer along, and so knows nothing of this project. Lines on
standard output are JSON, one per event: {"event": "connected"}, {"event": "sound", "samples": "…"} (base64, 48 kHz mono
s16le), {"event": "left", "status": 204}. The end of standard input asks it to leave. A failure ends it with status 1.
Without arguments it only looks whether all that it needs is installed.
"""

import base64
import json
import sys
import threading
import urllib.request
from typing import Any
from urllib.parse import urljoin

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402 - their versions have to be asked for first

RTP = "application/x-rtp,media=audio,encoding-name=OPUS,payload=96,clock-rate=48000,encoding-params=(string)2"
SPEAK = (
    "audiotestsrc is-live=true wave=sine freq={frequency} volume={amplitude} samplesperbuffer=480"
    " ! audio/x-raw,rate=48000,channels=1 ! audioconvert ! opusenc bitrate=64000 ! rtpopuspay pt=96 ! "
    + RTP
    + " ! peer."
    " webrtcbin name=peer bundle-policy=max-bundle"
)
HEAR = (
    "rtpopusdepay ! opusdec ! audioconvert ! audioresample ! audio/x-raw,format=S16LE,rate=48000,channels=1"
    " ! appsink name=ear emit-signals=true sync=false"
)
PATIENCE = 10.0
"""In seconds, for each step."""

ELEMENTS = ("webrtcbin", "nicesrc", "dtlsdec", "srtpdec", "opusenc", "opusdec", "rtpopuspay", "audiotestsrc", "appsink")

told = threading.Lock()


def say(event: str, **more: object) -> None:
    with told:
        print(json.dumps({"event": event, **more}), flush=True)


class Peer:
    """webrtcbin, and what it waits for."""

    def __init__(self, frequency: float, dbfs: float) -> None:
        self._pipeline = Gst.parse_launch(SPEAK.format(frequency=frequency, amplitude=10 ** (dbfs / 20)))
        self._bin = self._pipeline.get_by_name("peer")
        self._ice = self._bin.get_property("ice-agent")  # kept: it would be gone with the last who has it here
        self._ice.emit("add-local-ip-address", "127.0.0.1")
        self._bin.connect("pad-added", self._hear)
        self._gathered = threading.Event()
        self._connected = threading.Event()
        self._bin.connect("notify::ice-gathering-state", self._look)
        self._bin.connect("notify::connection-state", self._look)

    def offer(self) -> str:
        """Begin to speak, and say what is offered, with all candidates."""
        self._pipeline.set_state(Gst.State.PLAYING)
        if self._pipeline.get_state(Gst.CLOCK_TIME_NONE)[0] == Gst.StateChangeReturn.FAILURE:
            sys.exit("the pipeline does not start")
        reply = self._asked("create-offer", None)
        self._asked("set-local-description", reply.get_value("offer"))
        if not self._gathered.wait(PATIENCE):
            sys.exit("it has not gathered its candidates")
        sdp: str = self._bin.get_property("local-description").sdp.as_text()
        return sdp

    def accept(self, answer: str) -> None:
        """Take the answer, and wait for the connection."""
        _, message = GstSdp.SDPMessage.new_from_text(answer)
        description = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message)
        self._asked("set-remote-description", description)
        if not self._connected.wait(PATIENCE):
            sys.exit(f"not connected: {self._bin.get_property('connection-state').value_nick}")

    def close(self) -> None:
        self._pipeline.set_state(Gst.State.NULL)

    def _asked(self, action: str, argument: object) -> Any:
        promise = Gst.Promise.new()
        self._bin.emit(action, argument, promise)
        promise.wait()
        return promise.get_reply()

    def _look(self, *_: object) -> None:
        if self._bin.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            self._gathered.set()
        if self._bin.get_property("connection-state") == GstWebRTC.WebRTCPeerConnectionState.CONNECTED:
            self._connected.set()

    def _hear(self, _: object, pad: Any) -> None:
        if pad.get_property("direction") != Gst.PadDirection.SRC:
            return
        ear = Gst.parse_bin_from_description(HEAR, ghost_unlinked_pads=True)
        ear.get_by_name("ear").connect("new-sample", self._heard)
        self._pipeline.add(ear)
        pad.link(ear.get_static_pad("sink"))
        ear.sync_state_with_parent()

    def _heard(self, sink: Any) -> Any:
        buffer = sink.emit("pull-sample").get_buffer()
        say("sound", samples=base64.b64encode(buffer.extract_dup(0, buffer.get_size())).decode())
        return Gst.FlowReturn.OK


def look_for_elements() -> None:
    missing = [name for name in ELEMENTS if Gst.ElementFactory.find(name) is None]
    if missing:
        sys.exit(f"GStreamer is here, but not its {', '.join(missing)}")


def main() -> None:
    Gst.init(None)
    look_for_elements()
    if len(sys.argv) == 1:
        return
    endpoint, frequency, dbfs = sys.argv[1:]
    threading.Thread(target=GLib.MainLoop().run, daemon=True).start()
    peer = Peer(float(frequency), float(dbfs))
    request = urllib.request.Request(endpoint, peer.offer().encode(), {"Content-Type": "application/sdp"})
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:
        location = urljoin(endpoint, response.headers["Location"])
        answer = response.read().decode()
    peer.accept(answer)
    say("connected")
    sys.stdin.read()
    with urllib.request.urlopen(urllib.request.Request(location, method="DELETE"), timeout=PATIENCE) as response:
        status = response.status
    peer.close()
    say("left", status=status)


main()
