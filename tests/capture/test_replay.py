"""What was heard live is heard again, bit for bit."""

from __future__ import annotations

import dataclasses
import io
import random
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conference.audio.frame import FRAME_SAMPLES, Samples
from conference.capture.format import MAGIC, decode, read_capture
from conference.capture.recipes import from_json, to_json
from conference.capture.records import CaptureError, ComplexityLimited, Opened, PacketArrived, Ticked
from conference.capture.replay import Replay
from conference.capture.room_capture import RoomCapture
from conference.codecs.base import Codec
from conference.codecs.opus import OpusCodec
from conference.codecs.pcmu import PcmaCodec, PcmuCodec
from conference.playout.source import PacketSource
from conference.room.local import LocalSource
from conference.room.participant import Participant
from conference.room.room import Room
from conference.room.voice import UNTOUCHED, VoiceSettings
from conference.telephony.intake import PacedSource
from conference.telephony.settings import LegSettings
from tests.capture.captured import Ear, Memory, at, captured_room, join, replayed
from tests.speech import spoken

SECONDS = 3
VOICES = [spoken(SECONDS, seed=seed).reshape(-1, FRAME_SAMPLES) for seed in range(3)]


def encoded(voice: Samples, codec: Codec) -> list[bytes]:
    encoder = codec.make_encoder()
    return [encoder.encode(frame) for frame in voice]


OPUS = encoded(VOICES[0], OpusCodec(bitrate=32_000))
ULAW = encoded(VOICES[1], PcmuCodec())


class Party:
    """A room with every kind of participant, on a bad network: seeded, so always the same."""

    def __init__(self, room: Room, seed: int = 1) -> None:
        self.room = room
        self.chance = random.Random(seed)
        self.ears = {"amy": Ear(OpusCodec()), "ben": Ear(PcmuCodec()), "phone": Ear(PcmuCodec()), "bot": Ear()}
        self.amy = PacketSource(OpusCodec().make_decoder())
        self.ben = PacketSource(PcmuCodec().make_decoder())
        self.phone = PacedSource(PcmuCodec().make_decoder(), LegSettings())
        self.bot = LocalSource()
        join(room, "amy", self.amy, self.ears["amy"])
        join(room, "ben", self.ben, self.ears["ben"])
        join(room, "phone", self.phone, self.ears["phone"])
        join(room, "bot", self.bot, self.ears["bot"])
        join(room, "eve", None, Ear(OpusCodec()))
        self.late: list[tuple[int, int, PacketSource, bytes]] = []

    def run(self, ticks: int = SECONDS * 50) -> None:
        for tick in range(ticks):
            self.step(tick)

    def step(self, tick: int) -> None:
        self.arrivals(tick)
        match tick:
            case 40:
                self.room.set_muted("ben", True)
            case 50:
                self.room.rename("ben", "Benjamin")
                self.room.treat_voice("amy", levelling=False)
            case 55:
                self.room.limit_complexity(1)
            case 60:
                self.room.set_muted("ben", False)
                self.room.remove("eve", "bored")
            case 70:
                self.amy = PacketSource(OpusCodec().make_decoder())
                self.room.reconnect("amy", self.amy, self.ears["amy"], None)
            case 90:
                self.ben.restart(PcmaCodec().make_decoder())
            case 100:
                self.amy.restart()
            case 110:
                self.room.limit_complexity(10)
        self.room.tick(tick, at(tick))

    def arrivals(self, tick: int) -> None:
        for source, packets, step in ((self.amy, OPUS, 960), (self.ben, ULAW, 160)):
            if self.chance.random() > 0.1:
                delay = self.chance.choice((0, 0, 1, 2))
                self.late.append((tick + delay, tick, source, packets[tick % len(packets)]))
                self.late[-1] += (step,)  # type: ignore[assignment]
        for due, sent, source, payload, step in [one for one in self.late if one[0] <= tick]:  # type: ignore[misc]
            level = None if sent % 3 else -30
            source.push(60_000 + sent & 0xFFFF, sent * step, payload, at(due) - 7_000_000, level)
        self.late = [one for one in self.late if one[0] > tick]
        if tick % 3 == 0:
            self.phone.push(b"".join(ULAW[tick % 100 : tick % 100 + 3]), tick * 20, at(tick) - 1_000_000)
        if tick > 20:
            self.bot.push(VOICES[2][tick % len(VOICES[2])], at(tick))


@pytest.mark.parametrize("voice", [VoiceSettings(), UNTOUCHED], ids=["treated", "untouched"])
def test_everybody_hears_again_what_they_heard(voice: VoiceSettings) -> None:
    room, memory = captured_room(voice)
    party = Party(room)
    party.run()
    memory.capture.end("over")
    replay, heard = replayed(memory)
    assert replay.identical
    assert replay.ticks == SECONDS * 50
    assert replay.ended == "over"
    for name, ear in party.ears.items():
        assert heard[name] == ear.heard, name
    assert len(heard["eve"]) == 60


def test_how_much_work_encoders_took_decides_on_packets_and_is_replayed() -> None:
    memory = Memory()
    room = Room("tea", 1_700_000_000.0, lambda event: None)
    room.limit_complexity(2)
    memory.capture = RoomCapture(room, memory)
    Party(room).run()
    memory.capture.end("over")
    records = list(read_capture(memory.file()))
    again = Replay()
    again.run(records)
    assert again.identical
    assert [one.complexity for one in records if isinstance(one, ComplexityLimited)] == [1, 10]
    for left_out in (ComplexityLimited(1), ComplexityLimited(10)):
        without = Replay()
        without.run(record for record in records if record != left_out)
        assert {one.what for one in without.differences} == {"packets"}


def test_a_captured_room_sounds_like_one_that_is_not() -> None:
    captured, plain = captured_room()[0], Room("tea", 0.0, lambda event: None)
    first, second = Party(captured), Party(plain)
    first.run()
    second.run()
    for name in first.ears:
        assert first.ears[name].heard == second.ears[name].heard


def test_a_replay_of_a_replay_is_the_same_to_the_last_digest() -> None:
    room, memory = captured_room()
    Party(room).run()
    memory.capture.end("over")
    (first, _), (second, _) = replayed(memory), replayed(memory)
    digests = [
        {one.id: (one.sound.hexdigest(), one.packets.hexdigest()) for one in replay.listeners.values()}
        for replay in (first, second)
    ]
    assert digests[0] == digests[1]
    assert len(set(digests[0].values())) >= 4


def test_the_replay_knows_who_spoke_and_what_came_of_their_packets() -> None:
    room, memory = captured_room()
    party = Party(room)
    party.run()
    live = dataclasses.asdict(party.ben.stats)
    memory.capture.end("over")
    replay, _ = replayed(memory)
    assert replay.listeners["amy"].spurts
    assert not replay.listeners["eve"].spurts
    assert replay.listeners["ben"].name == "Benjamin"
    assert replay.listeners["ben"].counts["concealed"] == live["concealed"] > 0
    assert replay.listeners["ben"].counts["decoded"] == live["decoded"]


def test_what_was_changed_in_the_capture_is_told_with_its_first_tick() -> None:
    room, memory = captured_room()
    Party(room).run()
    memory.capture.end("over")
    records = list(decode(memory.blocks))
    twentieth = records.index(next(one for one in records if isinstance(one, Ticked) and one.tick == 20))
    place = next(
        i for i, one in enumerate(records) if i > twentieth and isinstance(one, PacketArrived) and one.index == 1
    )
    packet = records[place]
    assert isinstance(packet, PacketArrived)
    records[place] = dataclasses.replace(packet, payload=bytes(len(packet.payload)))
    before = [one.tick for one in records[:place] if isinstance(one, Ticked)]
    replay = Replay()
    replay.run(records)
    assert not replay.identical
    assert {one.what for one in replay.differences} == {"sound", "packets"}
    assert 0 < replay.differences[0].tick - before[-1] < 20
    assert "amy" in replay.differing


def test_packets_may_differ_where_the_sound_does_not() -> None:
    room, memory = captured_room()
    Party(room).run(30)
    memory.capture.end("over")
    records = [
        dataclasses.replace(one, packets=one.packets ^ 1) if isinstance(one, Ticked) and one.tick == 17 else one
        for one in decode(memory.blocks)
    ]
    replay = Replay()
    replay.run(records)
    assert [(one.tick, one.what) for one in replay.differences] == [(17, "packets")]


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_a_file_that_is_cut_off_is_replayed_as_far_as_it_goes(kept: float) -> None:
    room, memory = captured_room()
    Party(room).run()
    memory.capture.end("over")
    whole = memory.file().getvalue()
    replay, _ = replayed(io.BytesIO(whole[: int(len(whole) * kept)]))
    assert replay.identical
    assert replay.ended is None
    assert abs(replay.ticks - SECONDS * 50 * kept) < 25


def test_whoever_fails_in_a_tick_is_gone_in_the_replay_too() -> None:
    class Broken(LocalSource):
        def pull(self, now_ns: int) -> Samples | None:
            if now_ns >= at(30):
                raise OSError
            return super().pull(now_ns)

    room, memory = captured_room()
    ear = Ear(OpusCodec())

    def hang_up(reason: str) -> None:
        room.remove("amy", reason)

    join(room, "amy", broken := Broken(), None, hang_up)
    join(room, "ben", None, ear)
    for tick in range(60):
        broken.push(VOICES[0][tick], at(tick))
        room.tick(tick, at(tick))
    assert list(room.participants) == ["ben"]
    memory.capture.end("over")
    replay, heard = replayed(memory)
    assert replay.identical
    assert heard["ben"] == ear.heard


def test_when_the_last_one_leaves_the_capture_ends() -> None:
    room, memory = captured_room()
    party = Party(room)
    party.run(10)
    for name in list(room.participants):
        room.remove(name, "left")
    assert memory.closed
    replay, _ = replayed(memory)
    assert replay.identical
    assert replay.ended == "Everybody has left."


def test_after_its_capture_a_room_goes_on_as_before() -> None:
    room, memory = captured_room()
    party = Party(room)
    party.run(75)
    memory.capture.end("enough")
    size = sum(map(len, memory.blocks))
    assert room.participants["amy"].sink is party.ears["amy"]
    assert room.participants["amy"].source is party.amy
    assert room.participants["bot"].source is party.bot
    for tick in range(75, 150):
        party.step(tick)
    assert sum(map(len, memory.blocks)) == size
    assert len(party.ears["amy"].mixes) == 150


def test_a_capture_that_cannot_go_on_ends_and_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    room, memory = captured_room()
    party = Party(room)
    party.run(20)
    party.amy.push(-1, 0, OPUS[0], at(20))  # no sequence number: what cannot be written down
    party.amy.push(5, 0, OPUS[0], at(20))
    for tick in range(20, 60):
        party.step(tick)
    assert memory.closed
    assert "capture failed" in caplog.text
    assert len(party.ears["amy"].mixes) == 60
    replay, _ = replayed(memory)
    assert replay.ended is not None
    assert "failed" in replay.ended


def test_noise_that_is_let_through_by_a_fixed_gate_and_its_settings_are_in_the_file() -> None:
    room, memory = captured_room(UNTOUCHED, max_talkers=2)
    join(room, "amy", LocalSource(), None)
    memory.capture.end("over")
    opened = next(decode(memory.blocks))
    assert isinstance(opened, Opened)
    assert opened.about["voice"]["levelling"] is False
    assert opened.about["max_talkers"] == 2
    assert set(opened.about["versions"]) == {
        "conference", "libopus", "numpy", "pywebrtc-audio", "python", "machine"
    }  # fmt: skip


class Forecaster(Ear):
    """A sink that says how much of what it is sent gets lost."""

    expected_loss: float | None = None


def test_what_a_listener_says_of_loss_and_of_its_codec_is_followed() -> None:
    room, memory = captured_room()
    source, ear = LocalSource(), Forecaster(OpusCodec())
    join(room, "amy", source)
    join(room, "ben", None, ear)
    for tick in range(120):
        source.push(VOICES[0][tick], at(tick))
        if tick == 30:
            ear.expected_loss = 20.0
        if tick == 60:
            ear.codec = OpusCodec(bitrate=16_000)
            room.rename("ben", "Ben")
            room.add(Participant(id="eve", name="Eve", transport="webrtc", joined_at=0.0))  # seats all anew
        room.tick(tick, at(tick))
    memory.capture.end("over")
    replay, heard = replayed(memory)
    assert replay.identical
    assert heard["ben"] == ear.heard


class Late(Ear):
    on_open: Callable[[], None] | None = None


def test_whoever_begins_to_hear_after_they_have_joined_does_so_in_the_replay_too() -> None:
    room, memory = captured_room()
    party, late = Party(room), Late(OpusCodec())
    join(room, "late", None, late)
    for tick in range(60):
        if tick == 45:
            assert late.on_open is not None
            late.on_open()
        party.step(tick)
    memory.capture.end("over")
    replay, heard = replayed(memory)
    assert replay.identical
    assert heard["late"] == late.heard
    plain = Party(Room("tea", 0.0, lambda event: None))
    join(plain.room, "late", None, never := Late(OpusCodec()))
    plain.run(60)
    assert [one.payload == other.payload for one, other in zip(late.mixes, never.mixes, strict=True)].index(False) == 45


class Sender(Ear):
    """A sink that takes packets alone."""

    packets_only = True


def test_what_is_sent_nowhere_is_noted_all_the_same() -> None:
    room, memory = captured_room()
    source, ear = LocalSource(), Sender(OpusCodec())
    join(room, "amy", source)
    join(room, "ben", None, ear)
    for tick in range(90):
        if not 10 <= tick < 70:
            source.push(VOICES[0][tick], at(tick))
        room.tick(tick, at(tick))
    memory.capture.end("over")
    replay, heard = replayed(memory)
    assert replay.identical
    assert len(heard["ben"]) == 90
    sounding = [(samples, payload) for samples, payload in heard["ben"] if payload is not None]
    assert 30 <= len(sounding) < 90
    assert ear.heard == sounding, "and what is captured is sent no more than what is not"


def party_bytes() -> bytes:
    room, memory = captured_room()
    Party(room).run(40)
    memory.capture.end("over")
    return b"".join(memory.blocks)


BYTES = party_bytes()


def run_to_the_end(file: io.BytesIO) -> None:
    sentence = "."
    try:
        Replay().run(read_capture(file))
    except CaptureError as error:
        sentence = str(error)
    assert sentence.endswith(".")


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, len(BYTES) - 1), bits=st.integers(1, 255), length=st.integers(1, 4))
def test_damage_anywhere_gives_a_sentence_or_another_sound_and_nothing_else(place: int, bits: int, length: int) -> None:
    damaged = bytearray(BYTES)
    for position in range(place, min(place + length, len(damaged))):
        damaged[position] ^= bits
    run_to_the_end(io.BytesIO(MAGIC + zlib.compress(bytes(damaged), 1)))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_a_capture_or_a_sentence(data: bytes) -> None:
    run_to_the_end(io.BytesIO(data))
    run_to_the_end(io.BytesIO(MAGIC + data))
    run_to_the_end(io.BytesIO(MAGIC + zlib.compress(data)))


class OpenBypass:
    """Would let packets go by."""

    def open(self, packets: int, silent_dbov: int) -> None: ...

    last_passed: int | None = None

    def close(self) -> int:
        return 0

    def kept(self, packets: int) -> list[bytes]:
        return []


def test_no_packet_goes_by_a_source_that_is_captured() -> None:
    source, bypass = PacketSource(OpusCodec().make_decoder()), OpenBypass()
    source.bypass = bypass
    room, _ = captured_room()
    join(room, "amy", source)
    bypasses = [source.bypass]
    room.remove("amy", "left")
    assert [*bypasses, source.bypass] == [None, bypass]


def test_settings_of_an_older_capture_that_are_gone_and_shaped_no_sound_are_left_out() -> None:
    older = to_json(LegSettings(buffer_ms=60)) | {"max_messages_per_second": 200, "max_dropped": 2000}
    assert from_json(older) == LegSettings(buffer_ms=60)
    with pytest.raises(CaptureError):
        from_json(older | {"another": 1})
