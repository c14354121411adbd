"""WebRTC stacks that are not ours join a room, are heard, and hear: libdatachannel, werift, GStreamer and FFmpeg."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from conference.audio.frame import SAMPLE_RATE, Samples
from conference.codecs.opus import OpusCodec
from tests.e2e.people import WebRtcPerson, webrtc_person
from tests.e2e.running import RunningServer, eventually, running_server
from tests.interop import foreign
from tests.interop.foreign import ForeignPeer, foreign_peer
from tests.tones import frames, level_at, tone
from tests.webrtc.certificates import Key, self_signed

pytestmark = pytest.mark.interop

THEIRS, OURS = 440.0, 1000.0
"""The tones in Hz: the foreign peer's and the headless peer's."""

KEYS: dict[str, Key] = {
    "P-256": ec.generate_private_key(ec.SECP256R1()),
    "RSA": rsa.generate_private_key(65537, 2048),
}
SENT_DBFS = -23.0
"""As loud as levelling makes everybody: what is sent so is left alone, however long a peer takes to join."""
ROOM = "interop"


@pytest.fixture
async def server() -> AsyncIterator[RunningServer]:
    async with running_server() as running:
        yield running


@pytest.fixture
async def ours(server: RunningServer) -> AsyncIterator[WebRtcPerson]:
    async with webrtc_person(server.url, ROOM, "headless", tone(OURS, 1.0, SENT_DBFS, fade=0)) as person:
        yield person


def join(stack: str, server: RunningServer, folder: Path) -> AbstractAsyncContextManager[ForeignPeer]:
    """Have a peer of this stack join the room, send its tone and listen."""
    endpoint = f"{server.url}/rooms/{ROOM}/participants?name={stack}"
    if stack == "GStreamer":
        return foreign_peer(*foreign.gstreamer(), endpoint, str(THEIRS), str(SENT_DBFS))
    package = {"libdatachannel": "node-datachannel"}.get(stack, stack)
    encoder = OpusCodec(bitrate=64_000).make_encoder()
    packets = [encoder.encode(frame) for frame in frames(tone(THEIRS, 1.0, SENT_DBFS, fade=0))]
    path = folder / "packets.json"
    path.write_text(json.dumps([base64.b64encode(packet).decode() for packet in packets]))
    return foreign_peer(foreign.node(package), str(foreign.HERE / f"{stack}_peer.mjs"), endpoint, str(path))


def hears(everything: Samples, wanted: float, unwanted: float) -> bool:
    """Whether the last second has one tone, as loud as it was sent, and nothing of the other."""
    last = everything[-SAMPLE_RATE:]
    return (
        last.size == SAMPLE_RATE
        and level_at(last, SAMPLE_RATE, wanted) == pytest.approx(SENT_DBFS, abs=3)
        and level_at(last, SAMPLE_RATE, unwanted) < SENT_DBFS - 50
    )


@pytest.mark.parametrize("stack", ["libdatachannel", "werift", "GStreamer"])
async def test_a_foreign_stack_and_a_headless_peer_hear_each_other_and_not_themselves(
    stack: str, server: RunningServer, ours: WebRtcPerson, tmp_path: Path
) -> None:
    async with join(stack, server, tmp_path) as theirs:
        await theirs.says("connected")
        await eventually(lambda: hears(ours.everything(), THEIRS, OURS), f"the headless peer hears {stack}", within=30)
        await eventually(
            lambda: hears(theirs.everything(), OURS, THEIRS), f"{stack} hears the headless peer", within=30
        )
        assert (await theirs.leave())["status"] == 204
    assert [one.name for one in server.live.conference.rooms[ROOM].participants.values()] == ["headless"]


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("flags", ["0", "dtls_active"], ids=["DTLS server", "DTLS client"])
async def test_ffmpegs_whip_muxer_is_heard(
    key: Key,
    flags: str,
    server: RunningServer,
    ours: WebRtcPerson,
    tmp_path: Path,
) -> None:
    # FFmpeg over GnuTLS would make itself a certificate on P-224, which nobody offers.
    certificate_path, key_path = tmp_path / "certificate.pem", tmp_path / "key.pem"
    certificate_path.write_bytes(self_signed(key).public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    endpoint = f"{server.url}/rooms/{ROOM}/participants?name=FFmpeg"
    async with foreign_peer(
        foreign.ffmpeg(), str(foreign.HERE / "ffmpeg_peer.py"),
        endpoint, str(THEIRS), str(SENT_DBFS), str(certificate_path), str(key_path), flags,
    ) as theirs:  # fmt: skip
        await theirs.says("connected")
        await eventually(lambda: hears(ours.everything(), THEIRS, OURS), "the headless peer hears FFmpeg", within=30)
        await theirs.leave()
    assert [one.name for one in server.live.conference.rooms[ROOM].participants.values()] == ["headless"]
