"""Where packets are forwarded, a long silence takes no packets, and the word after it is whole."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from conference.audio.frame import FRAME_SAMPLES, TICK_NS
from conference.audio.noise_gate import level_of
from conference.codecs.opus_decoder import OpusDecoder
from conference.playout.packet_forwarding import WORD_HISTORY
from conference.playout.silence import DTX_BYTES, SILENT_DBOV
from tests.room.meeting import SENT_BEFORE_TICK_NS, Meeting, Person
from tests.room.test_law_10_forwarding import AMY_HZ, assert_one_line, hums, silent

PAUSE = range(100, 400)
TALK = (range(10, 25), range(60, PAUSE.start), range(PAUSE.stop, 520))


class Bypass:
    """Lets silent packets go by, as the table of what is received does."""

    def __init__(self) -> None:
        self.may = 0
        self.passed: list[tuple[int, bytes]] = []

    def open(self, packets: int, silent_dbov: int) -> None:
        assert silent_dbov == SILENT_DBOV
        self.may = packets

    def close(self) -> int:
        left, self.may = self.may, 0
        return left

    @property
    def last_passed(self) -> int | None:
        return self.passed[-1][0] if self.passed else None

    def kept(self, packets: int) -> list[bytes]:
        return [payload for _, payload in self.passed[-packets:]]


class Talker(Person):
    """Sends 50 packets a second, come what may."""

    def __init__(self, name: str, *stretches: range, bypass: Bypass | None = None, levels: bool = True) -> None:
        super().__init__(name, hums(AMY_HZ, *stretches), dtx=False, levels=levels)
        self.bypass = bypass
        self.source.bypass = bypass

    def speak(self, tick: int, now_ns: int, *, lost: bool = False) -> None:
        bypass = self.bypass
        if bypass is not None and bypass.may and not lost and not self.voice(tick).any():
            bypass.may -= 1
            super().speak(tick, now_ns, lost=True)
            bypass.passed.append((self.sent[-1].sequence & 0xFFFF, self.sent[-1].payload))
            return
        super().speak(tick, now_ns, lost=lost)


def meeting_of(amy: Talker) -> tuple[Meeting, Person, Person]:
    ben, cal = Person("ben", silent), Person("cal", silent)
    return Meeting(amy, ben, cal), ben, cal


@pytest.mark.parametrize(("levels", "bypassed"), [(True, False), (True, True), (False, False)])
def test_a_long_silence_takes_next_to_no_packets_and_the_next_word_is_whole(levels: bool, bypassed: bool) -> None:
    bypass = Bypass() if bypassed else None
    amy = Talker("amy", *TALK, bypass=bypass, levels=levels)
    meeting, ben, _ = meeting_of(amy)
    meeting.go_on(PAUSE.start)
    assert meeting.room.forwarded == {"ben": "amy", "cal": "amy"}
    ben.received.clear()
    meeting.go_on(PAUSE.stop - PAUSE.start - 1)
    silence = list(ben.received)
    assert len(silence) <= 4 + 2 + len(PAUSE) // 100
    assert sum(len(packet.payload) <= DTX_BYTES for _, packet in silence) >= 4
    assert max(after - before for (before, _), (after, _) in pairwise(silence)) <= 125 * TICK_NS
    if bypass is not None:
        assert len(bypass.passed) > len(PAUSE) // 2
    meeting.go_on(100)
    word = [packet for at_ns, packet in ben.received if at_ns >= PAUSE.stop * TICK_NS - SENT_BEFORE_TICK_NS]
    said = [one for one in amy.sent if one.tick >= PAUSE.stop - WORD_HISTORY]
    assert [packet.payload for packet in word[: len(said)]] == [one.payload for one in said], (
        "from just before its first packet on"
    )
    assert ben.received[len(silence)][0] == PAUSE.stop * TICK_NS - SENT_BEFORE_TICK_NS, "without a wait"
    assert_one_line(ben)
    last = silence[-1][1]
    told = last.timestamp - word[0].timestamp & 0xFFFFFFFF
    distance = PAUSE.stop - WORD_HISTORY - (round(silence[-1][0] / TICK_NS + 0.5) - WORD_HISTORY)
    assert -told & 0xFFFFFFFF == distance * FRAME_SAMPLES, "nor a shift"


@pytest.mark.parametrize("silent_packets", range(4, 12))
def test_a_word_after_a_silence_of_any_length_is_decoded_as_it_was_sent(silent_packets: int) -> None:
    begin = 100 + silent_packets
    amy = Talker("amy", range(10, 25), range(60, 100), range(begin, begin + 40))
    meeting, ben, _ = meeting_of(amy)
    meeting.go_on(begin + 40)
    follows = OpusDecoder()
    true = {one.payload: follows.decode(one.payload) for one in amy.sent}
    decoder, before = OpusDecoder(), ben.received[0][1].timestamp
    for _, packet in ben.received:
        for _ in range(((packet.timestamp - before) & 0xFFFFFFFF) // FRAME_SAMPLES - 1):
            decoder._decode(None, FRAME_SAMPLES, fec=False)  # as listeners make up for silence
        before = packet.timestamp
        samples = decoder.decode(packet.payload)
        right = true.get(packet.payload)
        if right is not None and level_of(right) > -40 and packet is not ben.received[0][1]:
            difference = np.rint(samples.astype(np.float64) - right).astype(np.int16)
            assert level_of(difference) < level_of(right) - 35


def test_what_is_lost_of_a_word_after_a_silence_is_a_loss_to_the_listener() -> None:
    amy = Talker("amy", *TALK, bypass=Bypass())
    meeting, ben, _ = meeting_of(amy)
    lost = {PAUSE.stop, PAUSE.stop + 1, PAUSE.start + 50}
    meeting.go_on(PAUSE.stop + 10, lambda name, tick: name == "amy" and tick in lost)
    steps = [(after.sequence - before.sequence) & 0xFFFF for (_, before), (_, after) in pairwise(ben.received)]
    assert sorted(steps)[-2:] == [1, 3]


def test_in_a_call_of_two_silence_is_forwarded_as_it_came() -> None:
    amy, ben = Talker("amy", *TALK), Person("ben", silent)
    meeting = Meeting(amy, ben)
    meeting.go_on(PAUSE.stop)
    got = [packet.payload for _, packet in ben.received]
    assert got[-200:] == [one.payload for one in amy.sent[-200:]]


def test_somebody_who_is_silent_while_forwarded_costs_no_work_on_a_tick() -> None:
    amy = Talker("amy", *TALK, bypass=Bypass())
    meeting, _, _ = meeting_of(amy)
    meeting.go_on(PAUSE.stop - 50)
    assert not list(meeting.room._speaker_selector.awake)
    decoded, encoded = amy.source.stats.decoded, meeting.room.encoders.encoded_packets
    meeting.go_on(45)
    assert (amy.source.stats.decoded, meeting.room.encoders.encoded_packets) == (decoded, encoded)


def test_a_listener_who_goes_over_in_the_silence_decodes_the_word_as_one_who_has_followed_for_long() -> None:
    amy = Talker("amy", *TALK, bypass=Bypass())
    meeting, ben, _ = meeting_of(amy)
    meeting.go_on(PAUSE.start + 200)
    dan = Person("dan", silent)
    meeting.people.append(dan)
    meeting.room.add(dan.participant)
    meeting.go_on(250)
    assert meeting.room.forwarded["dan"] == "amy"
    assert_one_line(ben)
    assert_one_line(dan)
    follows = OpusDecoder()
    true = {one.payload: follows.decode(one.payload) for one in amy.sent}
    decoder = OpusDecoder()
    heard = [(packet.payload, decoder.decode(packet.payload)) for _, packet in dan.received]
    word = [(true[payload], samples) for payload, samples in heard if payload in true and true[payload].any()][-90:]
    assert len(word) == 90
    for right, samples in word:
        difference = samples.astype(np.float64) - right
        assert level_of(np.rint(difference).astype(np.int16)) < max(level_of(right) - 50, -85)


def test_somebody_who_says_silence_and_talks_is_found_out_while_their_silence_is_left_out() -> None:
    amy = Talker("amy", range(30, 60), range(200, 3000))
    meeting, ben, _ = meeting_of(amy)
    meeting.go_on(199)
    amy.says_level = -127
    meeting.go_on(1500)
    assert amy.source.stats.mistrusted == 1
    assert amy.participant.talking
    assert ben.hears_now(AMY_HZ)


def test_a_listener_who_comes_in_the_silence_makes_no_gap_for_the_others() -> None:
    amy, eve = Talker("amy", *TALK, bypass=Bypass()), Person("eve", silent)
    eve.sink._name = "PCMU"  # hears mixes alone, so that amy is played, too
    ben, dan = Person("ben", silent), Person("dan", silent)
    meeting = Meeting(amy, ben, eve)
    meeting.go_on(PAUSE.start + 57)
    assert meeting.room.forwarded == {"ben": "amy"}
    meeting.people.append(dan)
    meeting.room.add(dan.participant)
    meeting.go_on(300)
    assert meeting.room.forwarded["dan"] == "amy"
    assert_one_line(ben)
