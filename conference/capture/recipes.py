"""What shapes sound, as JSON, and made again from it: codecs, sources, the treatment of voices.

Whoever adds a codec, a kind of source or a setting that shapes sound adds it here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final, get_args

from conference.audio.noise_gate import GateSettings
from conference.audio.resample import RATES
from conference.capture.records import CaptureError
from conference.codecs.base import Codec, Decoder
from conference.codecs.linear import ByteOrder, LinearCodec
from conference.codecs.opus import OpusCodec
from conference.codecs.pcmu import PcmaCodec, PcmuCodec
from conference.codecs.waveform import WaveformCodec
from conference.playout.source import PacketSource
from conference.room.participant import Participant, Source
from conference.room.voice import VoiceSettings
from conference.telephony.frame_source import FrameSource, GivenFrames
from conference.telephony.intake import MU_LAW, PacedSource
from conference.telephony.settings import LegSettings

_CLASSES: Final = (OpusCodec, PcmuCodec, PcmaCodec, LinearCodec, LegSettings, VoiceSettings, GateSettings)
_VALUES: Final = {one.__name__: one for one in _CLASSES}
_GONE: Final = {"max_messages_per_second", "max_bytes_per_second", "max_dropped", "max_name_chars"}
"""Settings of older captures that there are no more. They shaped no sound."""

_LINEAR: Final = [LinearCodec(rate, order) for rate in RATES for order in get_args(ByteOrder)]
_KNOWN: Final[list[Codec]] = [OpusCodec(), PcmuCodec(), PcmaCodec(), *_LINEAR]
_CODECS: Final[dict[str, Codec]] = {one.name: one for one in _KNOWN}

FRAMES: Final[Mapping[str, Any]] = {"kind": "frames"}
"""A source that is captured by the frames it gives."""


def to_json(value: object) -> Any:
    """A value as JSON: a known dataclass as an object with its class's name under ``is``.

    Raises:
        ValueError: it is a dataclass that is not known here.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        name = type(value).__name__
        if name not in _VALUES:
            raise ValueError(f"a capture does not know {name}")
        return {"is": name} | {one.name: to_json(getattr(value, one.name)) for one in dataclasses.fields(value)}
    return value


def from_json(plain: object) -> Any:
    """What `to_json` was given.

    Raises:
        CaptureError: it names something that is not known here, or whose values are out of range.
    """
    if not isinstance(plain, dict):
        return plain
    known = _VALUES.get(str(plain.get("is")))
    if known is None:
        raise CaptureError(f"The capture has a setting that this version does not know: {plain.get('is')!s:.40}.")
    try:
        return known(**{key: from_json(one) for key, one in plain.items() if key != "is" and key not in _GONE})
    except (TypeError, ValueError):
        raise CaptureError(f"The capture has settings that this version does not know: {plain!s:.60}.") from None


def describe_source(source: Source | None) -> dict[str, Any] | None:
    """What a source is made of."""
    if isinstance(source, PacketSource) and decoder_name(source.decoder) in _CODECS:
        least, greatest = source.delay_limits_ms
        return {
            "kind": "packets",
            "codec": decoder_name(source.decoder),
            "minimum_delay_ms": least,
            "maximum_delay_ms": greatest,
        }
    if isinstance(source, PacedSource):
        return {"kind": "messages", "settings": to_json(source.settings), "codec": to_json(source.codec)}
    if isinstance(source, FrameSource):
        return {"kind": "coded-frames", "codec": to_json(source.codec)}
    return None if source is None else dict(FRAMES)


def describe_state(participant: Participant) -> dict[str, Any]:
    """What of somebody's state decides on what is heard, and their name."""
    voice = participant.voice
    return dataclasses.asdict(participant.moderation) | {
        "name": participant.name,
        "levelling": voice.settings.levelling,
        "noise_suppression": voice.settings.noise_suppression,
        "original_sound": voice.settings.original_sound,
        "asked_to_level": voice.asked_to_level,
    }


def make_packet_source(about: Mapping[str, Any]) -> PacketSource:
    """A source like the one described.

    Raises:
        CaptureError: the description makes no sense.
    """
    least, greatest = about.get("minimum_delay_ms"), about.get("maximum_delay_ms")
    if not isinstance(least, int) or not isinstance(greatest, int) or not 0 <= least <= greatest <= 10_000:
        raise CaptureError("The capture describes a source that makes no sense.")
    return PacketSource(make_decoder(about.get("codec")), minimum_delay_ms=least, maximum_delay_ms=greatest)


def make_paced_source(about: Mapping[str, Any]) -> PacedSource:
    """A source like the one described.

    Raises:
        CaptureError: the description makes no sense.
    """
    settings = from_json(about.get("settings"))
    codec = from_json(about["codec"]) if "codec" in about else MU_LAW  # older captures know no other
    if not isinstance(settings, LegSettings) or not isinstance(codec, WaveformCodec):
        raise CaptureError("The capture describes a source that makes no sense.")
    return PacedSource(codec.make_decoder(), settings, codec)


def make_given_frames(about: Mapping[str, Any]) -> GivenFrames:
    """A source in the place of the one described, which gives what that one gave.

    Raises:
        CaptureError: the description makes no sense.
    """
    codec = from_json(about.get("codec"))
    if not isinstance(codec, WaveformCodec):
        raise CaptureError("The capture describes a source that makes no sense.")
    return GivenFrames(codec)


def decoder_name(decoder: Decoder | None) -> str:
    """The codec of a decoder; empty if it does not say."""
    name = getattr(decoder, "name", "")
    return name if isinstance(name, str) else ""


def make_decoder(codec: object) -> Decoder:
    """A decoder by its codec's name.

    Raises:
        CaptureError: there is none of that name.
    """
    found = _CODECS.get(codec) if isinstance(codec, str) else None
    if found is None:
        raise CaptureError(f"The capture holds sound in a codec that this version does not know: {codec!s:.40}.")
    return found.make_decoder()
