from __future__ import annotations

import numpy as np

from conference.audio.g711 import ulaw_decode
from conference.audio.noise_gate import level_of
from conference.load.client.phone import FastPhone
from conference.load.client.websocket import FrameReader
from conference.load.signal.scripts import phone_hum, phone_talking
from conference.telephony.twilio.messages import Media, parse_client_message


class Wire:
    """Takes the place of a transport."""

    def __init__(self) -> None:
        self.written = bytearray()
        self.reading = True

    def write(self, data: bytes) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0


def texts(frames: bytes) -> list[str]:
    reader = FrameReader()
    unmasked = bytearray()
    place = 0
    while place < len(frames):  # as a server sees them; the mask is zero
        size, head = frames[place + 1] & 0x7F, 2
        if size == 126:
            size, head = int.from_bytes(frames[place + 2 : place + 4], "big"), 4
        unmasked += bytes((frames[place], frames[place + 1] & 0x7F)) + frames[place + 2 : place + head]
        unmasked += frames[place + head + 4 : place + head + 4 + size]
        place += head + 4 + size
    return [payload.decode() for _, payload in reader.feed(bytes(unmasked))]


async def test_its_messages_are_those_of_a_phone() -> None:
    phone, wire = FastPhone("http://127.0.0.1:1", "room", "name"), Wire()
    phone._transport = wire  # type: ignore[assignment]
    payloads = [payload for payload in phone_hum().payloads if payload is not None]
    for payload in payloads[:3]:
        phone.send(payload, 0)
    messages = [parse_client_message(text) for text in texts(bytes(wire.written))]
    assert all(isinstance(message, Media) for message in messages)
    media = [message for message in messages if isinstance(message, Media)]
    assert [one.payload for one in media] == payloads[:3]
    assert [one.chunk for one in media] == [1, 2, 3]
    assert [one.timestamp for one in media] == [0, 20, 40]
    assert [one.sequence_number for one in media] == [1, 2, 3]


def test_a_caller_who_talks_is_louder_than_one_who_listens() -> None:
    talk, quiet = (
        np.concatenate([ulaw_decode(payload) for payload in script.payloads if payload is not None])
        for script in (phone_talking(1), phone_hum())
    )
    assert level_of(talk) > -35 > -50 > level_of(quiet)
    assert all(payload is not None and len(payload) == 160 for payload in phone_talking(1).payloads)
