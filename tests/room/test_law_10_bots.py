"""Law 10 for bots that a room has called: each gets others' frames as they came, and who is silent sleeps."""

from __future__ import annotations

from typing import Any

import numpy as np

from conference.audio.frame import TICK_NS
from conference.audio.g711 import ulaw_decode
from conference.room.events import BotInterrupted, Published, events_of
from conference.room.interruptions import ECHO_TICKS
from tests.room.bots import Bot
from tests.room.callers import Caller
from tests.room.meeting import Meeting, Person, tone_power
from tests.room.test_law_10_forwarding import AMY_HZ, hums, says, silent
from tests.speech import spoken

SILENT_FRAME = b"\xff" * 160
"""20 ms of silence; in mu-law 0xFF is +0."""


def meeting_of(*people: Bot | Caller | Person, forwarding: bool = True) -> Meeting:
    return Meeting(*people, forwarding=forwarding)  # type: ignore[arg-type]


def frames(caller: Bot | Caller, ticks: int) -> list[bytes]:
    return [payload for _, payload in caller.got[-ticks:]]


def test_each_of_two_bots_gets_the_other_s_sound_bit_for_bit_and_nothing_is_decoded() -> None:
    amy, ben = Bot("amy"), Bot("ben")
    meeting = meeting_of(amy, ben)
    meeting.go_on(10)
    assert meeting.room.forwarded == {"amy": "ben", "ben": "amy"}
    encoded = meeting.room.encoders.encoded_packets
    said, answered = amy.say(spoken(1.0, seed=1)), ben.say(spoken(2.0, seed=2))
    meeting.go_on(120)
    assert meeting.room.encoders.encoded_packets == encoded
    assert not amy.leg.source.plays
    assert not ben.leg.source.plays
    assert said in b"".join(frames(ben, 120))
    assert answered in b"".join(frames(amy, 120))
    assert [at_ns // TICK_NS for at_ns, _ in amy.got[-120:]] == list(range(11, 131)), "one on every tick"
    assert [name for _, name in amy.marks] == ["said"]
    assert amy.marks[0][0] in (60, 61), "when it has been said"
    assert frames(ben, 10) == [SILENT_FRAME] * 10, "silence is sent, too"


def test_who_talks_is_known_without_decoding() -> None:
    amy, ben = Bot("amy"), Bot("ben")
    meeting = meeting_of(amy, ben)
    meeting.go_on(10)
    amy.say(spoken(1.0, seed=1))
    meeting.go_on(40)
    assert amy.participant.talking
    meeting.go_on(60)
    assert not amy.participant.talking


def test_a_bot_that_has_not_answered_yet_gets_frames_from_its_first_tick_on() -> None:
    amy, ben = Caller("amy", says("amy")), Bot("ben", answered=False)
    meeting = meeting_of(amy, ben)
    meeting.go_on(50)
    assert not ben.got
    ben.leg.answered()
    meeting.go_on(2)
    assert meeting.room.forwarded["ben"] == "amy"
    assert len(ben.got) == 2


def test_a_caller_who_speaks_interrupts_a_bot_although_both_are_forwarded() -> None:
    happened: list[Any] = []
    amy, bot = Caller("amy", hums(AMY_HZ, range(150, 250))), Bot("bot", interrupts=True)
    meeting = meeting_of(amy, bot)
    meeting.go_on(100)
    assert meeting.room.forwarded == {"amy": "bot", "bot": "amy"}

    def take(published: Published) -> None:
        happened.extend((meeting.tick, one) for one in events_of(published) if isinstance(one, BotInterrupted))

    meeting.room._publish = take  # type: ignore[assignment, method-assign]
    bot.say(spoken(8.0, seed=3))
    meeting.go_on(120)
    assert len(happened) == 1
    assert happened[0][0] <= 150 + 6, "40 ms of a caller's buffer, and 60 ms"
    assert bot.marks, "what it says has broken off"
    assert meeting.room.forwarded == {"amy": "bot", "bot": "amy"}


def test_a_bot_and_a_caller_are_decoded_only_while_the_bot_is_heard_or_may_come_back_as_an_echo() -> None:
    amy, bot = Caller("amy", says("amy")), Bot("bot")
    meeting = meeting_of(amy, bot)
    sources = (amy.source, bot.leg.source)
    meeting.go_on(100)
    assert not any(one.plays for one in sources)
    bot.say(spoken(1.0, seed=3))
    meeting.go_on(1)
    assert all(one.plays for one in sources), "from its first frame on"
    meeting.go_on(50 + ECHO_TICKS // 2)
    assert all(one.plays for one in sources)
    meeting.go_on(50)
    assert not any(one.plays for one in sources)
    assert meeting.room.forwarded == {"amy": "bot", "bot": "amy"}


def test_who_talked_before_a_bot_began_does_not_interrupt_it_but_does_after_a_pause() -> None:
    happened: list[int] = []
    amy, bot = Caller("amy", hums(AMY_HZ, range(50, 200), range(230, 300))), Bot("bot")
    meeting = meeting_of(amy, bot)
    meeting.go_on(120)
    assert not amy.source.plays

    def take(published: Published) -> None:
        happened.extend(meeting.tick for one in events_of(published) if isinstance(one, BotInterrupted))

    meeting.room._publish = take  # type: ignore[assignment, method-assign]
    bot.say(spoken(8.0, seed=3))
    meeting.go_on(180)
    assert len(happened) == 1
    assert 230 <= happened[0] <= 236


def test_a_mix_and_frames_follow_each_other_without_a_click() -> None:
    amy = Caller("amy", hums(AMY_HZ, range(20, 220)))
    cat = Caller("cat", hums(1900, range(100, 120)))
    bot = Bot("bot")
    meeting = meeting_of(amy, bot, cat)
    meeting.go_on(220)
    sound = np.concatenate([np.frombuffer(one, np.uint8) for one in frames(bot, 220)])
    assert len(sound) == 220 * 160
    samples = ulaw_decode(sound.tobytes()).astype(int).reshape(-1, 160)
    for frame in samples[30:95]:
        assert tone_power(frame.repeat(6), AMY_HZ) > 66


def test_a_silent_bot_sleeps_and_its_first_word_wakes_it() -> None:
    amy, ben, bot = Person("amy", silent), Person("ben", silent), Bot("bot")
    meeting = meeting_of(amy, ben, bot)
    meeting.go_on(30)
    pulled: list[int] = []
    pull = bot.leg.source.pull

    def counted(now_ns: int) -> Any:
        pulled.append(now_ns)
        return pull(now_ns)

    bot.leg.source.pull = counted  # type: ignore[method-assign]
    meeting.go_on(50)
    assert not pulled
    bot.say(spoken(0.5, seed=1))
    meeting.go_on(1)
    assert len(pulled) == 1
    meeting.go_on(400)
    assert bot.participant.talking is False, "nor is its background made up any more"
    asleep = len(pulled)
    meeting.go_on(50)
    assert len(pulled) == asleep
    bot.leg.phone.playout.append(b"\x10" * 160)  # as what is read to it by an application
    meeting.go_on(3)
    assert len(pulled) == asleep + 3
    assert [name for _, name in bot.marks] == ["said"]


def test_nothing_is_forwarded_where_that_is_switched_off() -> None:
    amy, ben = Bot("amy"), Bot("ben")
    meeting = meeting_of(amy, ben, forwarding=False)
    amy.say(spoken(1.0, seed=1))
    meeting.go_on(60)
    assert not meeting.room.forwarded
    assert any(one != SILENT_FRAME for one in frames(ben, 50))
