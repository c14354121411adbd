"""pipecat's serializers, written against the providers themselves: they read what we play, and we what they write.

They are no requirement of the tests, since pipecat brings a hundred packages along: ``pip install pipecat-ai``.
"""

from __future__ import annotations

import json
import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from aiohttp import web

from conference.audio.frame import SILENCE, Samples
from conference.audio.noise_gate import level_of
from conference.codecs.waveform import WaveformCodec
from conference.room.participant import Mix
from conference.telephony.dialect import CallIdentity, ClearBuffer, Dialect, PlayMedia
from conference.telephony.dialects.known import DIALECTS
from conference.telephony.leg import Leg, Started
from conference.telephony.phone import Phone
from conference.telephony.settings import LegSettings
from tests.tones import tone
from tests.web.joining.test_dialing import gone, leavings, place, serving, until
from tests.web.joining.test_dialing import site as site_that_calls

NAMES = ("twilio", "telnyx", "plivo", "exotel", "vonage")
MISSING = "MISSING: pip install pipecat-ai. Its serializers are not tried."

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of what pipecat imports
    frames: Any = pytest.importorskip("pipecat.frames.frames", reason=MISSING)
    serializers = {one: pytest.importorskip(f"pipecat.serializers.{one}", reason=MISSING) for one in NAMES}

pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore")]

RATE = 16_000
IDENTITY = CallIdentity("AC1", "CA1", "MZ1")
LEVEL = -20.0

SPOKEN_OF_A_SERVER = ("twilio", "telnyx", "exotel", "vonage")
"""Where what a server says is read as what a provider says."""


ARGUMENTS: dict[str, tuple[str, ...]] = {
    "twilio": ("MZ1",),
    "telnyx": ("MZ1", "PCMU", "PCMU"),
    "plivo": ("MZ1",),
    "exotel": ("MZ1",),
    "vonage": (),
}


async def serializer(name: str, codec: WaveformCodec) -> Any:
    """A serializer that hangs nobody up."""
    kind = getattr(serializers[name], f"{name.capitalize()}FrameSerializer")
    fields = {"auto_hang_up": False, "vonage_sample_rate": codec.rate}
    given = {key: value for key, value in fields.items() if key in kind.InputParams.model_fields}
    made = kind(*ARGUMENTS[name], params=kind.InputParams(**given))
    await made.setup(SimpleNamespace(audio_in_sample_rate=RATE))
    return made


def narrow(dialect: Dialect) -> Any:
    """A provider's end that says what pipecat takes of it: of Plivo, mu-law alone."""
    end = dialect.provider_end(IDENTITY, {})
    if dialect.name != "plivo":
        return end, end.codec
    return end, DIALECTS["twilio"].provider_end(IDENTITY, {}).codec


def sounding(audio: bytes) -> float:
    return level_of(np.frombuffer(audio, dtype="<i2")[RATE // 5 :])


@pytest.mark.parametrize("name", NAMES)
async def test_pipecat_hears_what_we_play_as_a_provider(name: str) -> None:
    end, codec = narrow(DIALECTS[name])
    reader, encoder, audio = await serializer(name, codec), codec.make_encoder(), b""
    for message in end.opening():
        assert await reader.deserialize(message) is None
    sound = tone(440, 1.0, LEVEL)
    for position in range(0, len(sound), 960):
        said = await reader.deserialize(end.media(encoder.encode(sound[position : position + 960])))
        audio += said.audio if isinstance(said, frames.InputAudioRawFrame) else b""
    assert abs(sounding(audio) - level_of(sound[9600:-9600])) < 1
    key = await reader.deserialize(end.key("5"))
    assert isinstance(key, frames.InputDTMFFrame)
    assert key.button.value == "5"


@pytest.mark.parametrize("name", NAMES)
async def test_we_play_what_pipecat_writes_to_a_provider(name: str) -> None:
    end, codec = narrow(DIALECTS[name])
    writer, heard = await serializer(name, codec), b""
    sound = tone(440, 1.0, LEVEL, rate=RATE)
    for position in range(0, len(sound), RATE // 50):
        chunk = sound[position : position + RATE // 50].tobytes()
        message = await writer.serialize(frames.OutputAudioRawFrame(audio=chunk, sample_rate=RATE, num_channels=1))
        for asked in () if message is None else end.parse(message):
            assert isinstance(asked, PlayMedia)
            heard += asked.payload
    samples: Samples = codec.decode_samples(heard)
    assert len(samples) > codec.rate * 0.7
    assert abs(level_of(samples[codec.rate // 5 :]) - level_of(sound[3200:-3200])) < 1
    assert tuple(end.parse(await writer.serialize(frames.InterruptionFrame()))) == (ClearBuffer(),)


@pytest.mark.parametrize("name", SPOKEN_OF_A_SERVER)
async def test_pipecat_hears_what_we_say_as_a_server(name: str) -> None:
    dialect = DIALECTS[name]
    phone, leg = Phone(IDENTITY, dialect=dialect), Leg(dialect, "tea", LegSettings(mark_every_ms=0))
    events = [event for message in phone.opening() for event in leg.receive(message, 0)]
    assert isinstance(events[-1], Started)
    reader, encoder, audio = await serializer(name, phone.codec), phone.codec.make_encoder(), b""
    sound = tone(440, 1.0, LEVEL)
    for tick in range(50):
        leg.sink.deliver(Mix(tick, SILENCE, encoder.encode(sound[960 * tick : 960 * tick + 960])))
        for message in leg.take_output(tick * 20_000_000):
            said = await reader.deserialize(message)
            audio += said.audio if isinstance(said, frames.InputAudioRawFrame) else b""
    assert abs(sounding(audio) - level_of(sound[9600:-9600])) < 1


async def test_a_bot_made_of_pipecats_serializer_is_called_heard_and_hangs_up() -> None:
    told: list[Any] = []

    async def bot(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        connected, start = json.loads((await socket.receive()).data), json.loads((await socket.receive()).data)
        told.extend((connected, start))
        body = start["start"]
        spoken = serializers["twilio"].TwilioFrameSerializer(
            start["streamSid"], body["callSid"], body["accountSid"], "secret", base_url=str(site.client.make_url(""))
        )
        await spoken.setup(SimpleNamespace(audio_in_sample_rate=RATE))
        async for message in socket:
            said = await spoken.deserialize(message.data)
            if isinstance(said, frames.InputAudioRawFrame):
                told.append(said.audio)
                audio = tone(440, 0.1, LEVEL, rate=RATE).tobytes()
                output = frames.OutputAudioRawFrame(audio=audio, sample_rate=RATE, num_channels=1)
                if (answer := await spoken.serialize(output)) is not None:
                    await socket.send_str(answer)
            if len(told) == 30:
                await spoken.serialize(frames.EndFrame())
        return socket

    async with site_that_calls() as site, serving(bot) as url:
        await site.join()
        left = leavings(site)
        await place(site, url, parameters={"lang": "en"})
        await until(lambda: left)
        assert left[0].reason == "hung up"
        assert told[1]["start"]["customParameters"] == {"lang": "en"}
        assert len(told) >= 30
        await gone(site)
