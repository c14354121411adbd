"""Audio sockets, over real WebSockets: who hears whom apart, what they answer, and what becomes of that."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
import pytest
from aiohttp import ClientConnectionResetError, WSServerHandshakeError, web

from conference.room.events import ParticipantLeft
from conference.settings import Settings
from conference.voices.outlet import MAX_WAITING
from conference.web.joining.audio_socket import AudioSocket
from tests.tones import level_at, tone
from tests.web.doubles import MERGE_PATCH, Site, problem
from tests.web.joining.audio_client import AudioClient, until
from tests.web.joining.humming import Hummer
from tests.web.passes import as_role, guarded

RATE = 16_000


async def test_each_voice_comes_by_itself_with_its_name_and_its_time_and_only_while_it_talks() -> None:
    async with Site() as site:
        amy, ben = Hummer(site.server, "Amy", 440), Hummer(site.server, "Ben", 1000)
        async with await AudioClient.open(site, name="Scribe", rate=RATE) as bot:
            ready = bot.of("ready")[0]
            assert (ready["room"], ready["name"], ready["rate"], ready["muted"]) == ("tea", "Scribe", RATE, False)
            assert not bot.frames
            amy.on = True
            await until(lambda: len(bot.frames[bot.voice_of("Amy")]) > 30)
            ben.on = True
            await until(lambda: len(bot.frames[bot.voice_of("Ben")]) > 30)
            amy.on = ben.on = False
            await bot.heard("stopped", 2)
            for name, frequency, other in (("Amy", 440, 1000), ("Ben", 1000, 440)):
                voice = bot.voice_of(name)
                sound, times = bot.samples(voice), [at for at, _ in bot.frames[voice]]
                steps = np.diff(times)  # 20 ms, but where a busy machine has left out a tick
                assert steps.min() >= 20
                assert not (steps % 20).any()
                assert all(len(samples) == 320 for _, samples in bot.frames[voice])
                assert level_at(sound[RATE // 10 :], RATE, frequency) == pytest.approx(-12, abs=1)
                assert level_at(sound[RATE // 10 :], RATE, other) < -35
                started = next(one for one in bot.of("started") if one["name"] == name)
                stopped = next(one for one in bot.of("stopped") if one["id"] == started["id"])
                assert started["at"] == times[0]
                assert stopped["at"] > times[-1]


async def test_what_is_said_is_heard_by_all_others_and_marks_come_back_when_it_has_been() -> None:
    async with Site() as site:
        amy = Hummer(site.server, "Amy", 440)
        async with await AudioClient.open(site, name="Bot", rate=24_000) as bot:
            sound = tone(700, 1.5, -12.0, rate=24_000)
            data = sound.astype("<i2").tobytes()
            for begin in range(0, len(data), 4001):  # cut in the middle of samples
                await bot.socket.send_bytes(data[begin : begin + 4001])
            await bot.ask("mark", name="said")
            mark = await bot.heard("mark")
            assert mark == {"type": "mark", "name": "said", "played": True, "played_ms": 1500.0}
            everything = np.concatenate(amy.heard)
            loud = np.flatnonzero(np.abs(everything) > 1000)
            assert 1.4 * 48_000 < loud[-1] - loud[0] < 1.6 * 48_000
            middle = everything[loud[0] + 9600 : loud[0] + 9600 + 48_000]
            assert level_at(middle, 48_000, 700) == pytest.approx(-12, abs=0.5)
            assert not bot.of("started")  # nobody hears themselves


async def test_a_flush_says_how_much_was_really_played() -> None:
    async with Site() as site:
        amy = Hummer(site.server, "Amy", 440)
        async with await AudioClient.open(site, name="Bot", rate=8000) as bot:
            await bot.say(tone(700, 5.0, rate=8000))
            await bot.ask("mark", name="end")
            await until(lambda: amy.level(700) > -20)
            await bot.ask("flush")
            flushed = await bot.heard("flushed")
            assert bot.of("mark") == [
                {"type": "mark", "name": "end", "played": False, "played_ms": flushed["played_ms"]}
            ]
            assert flushed["played_ms"] + flushed["dropped_ms"] == pytest.approx(5000)
            everything = np.concatenate(amy.heard)
            loud = np.flatnonzero(np.abs(everything) > 1000)
            assert (loud[-1] - loud[0]) / 48 == pytest.approx(flushed["played_ms"], abs=45)
            await bot.say(tone(700, 0.2, rate=8000))
            await bot.ask("mark", name="next")
            assert (await bot.heard("mark", 2))["played_ms"] == 200.0


async def test_whoever_talks_interrupts_a_bot_that_lets_itself_and_it_is_told_how_much_was_heard() -> None:
    async with Site() as site:
        amy = Hummer(site.server, "Amy", 440)
        async with await AudioClient.open(site, name="Bot", rate=RATE, interruptible="true") as bot:
            await bot.say(tone(700, 30.0, rate=RATE))
            await bot.ask("mark", name="end")
            await until(lambda: amy.level(700) > -20)
            amy.on = True
            told = await bot.heard("interrupted")
            assert told["by"] == {"id": "Amy", "name": "Amy"}
            assert told["played_ms"] + told["dropped_ms"] == pytest.approx(30_000)
            assert 0 < told["played_ms"] < 30_000
            assert bot.of("mark") == [{"type": "mark", "name": "end", "played": False, "played_ms": told["played_ms"]}]
            ticks = len(amy.heard)
            await until(lambda: len(amy.heard) > ticks + 30)
            assert amy.level(700) < -60
            assert len(bot.of("interrupted")) == 1


async def test_who_may_no_longer_speak_is_told_and_goes_on_to_hear_and_what_they_say_is_heard_by_nobody() -> None:
    async with Site() as site:
        amy = Hummer(site.server, "Amy", 440)
        async with await AudioClient.open(site, name="Bot", rate=RATE) as bot:
            site.server.conference.rooms["tea"].set_role(bot.of("ready")[0]["id"], "listener")
            assert (await bot.heard("state"))["role"] == "listener"
            await bot.say(tone(700, 0.5, rate=RATE))
            await bot.ask("mark", name="said")
            assert (await bot.heard("mark"))["played_ms"] == 0.0
            await bot.ask("flush")
            assert (await bot.heard("flushed"))["unheard_ms"] == 500.0
            assert amy.level(700) < -60
            amy.on = True
            await until(lambda: len(bot.frames[bot.voice_of("Amy")]) > 10)
            site.server.conference.rooms["tea"].set_role(bot.of("ready")[0]["id"], "speaker")
            await bot.heard("state", 2)
            amy.on = False
            await bot.say(tone(700, 1.0, rate=RATE))
            await until(lambda: amy.level(700) > -20)


async def test_sound_is_for_some_alone_from_the_sample_on_where_that_was_said() -> None:
    async with Site() as site:
        amy, ben = Hummer(site.server, "Amy", 440), Hummer(site.server, "Ben", 1000)
        async with await AudioClient.open(site, name="Bot", rate=RATE) as bot:
            await bot.say(tone(700, 0.61, rate=RATE))  # ends in the middle of a tick
            await bot.ask("to", listeners=["Amy"])
            await bot.say(tone(1700, 0.61, rate=RATE))
            await bot.ask("to", listeners=None)
            await bot.say(tone(2500, 0.61, rate=RATE))
            await bot.ask("mark", name="all")
            assert (await bot.heard("mark"))["played_ms"] == 1830.0
            await until(lambda: ben.level(2500) > -20)
            one, other = np.concatenate(amy.heard), np.concatenate(ben.heard)
            assert {f for f in (700, 1700, 2500) if peak(one, f) > -30} == {700, 1700, 2500}
            assert {f for f in (700, 1700, 2500) if peak(other, f) > -30} == {700, 2500}
            assert peak(other, 1700) < -55
        await until(lambda: not site.server.conference.rooms["tea"].hearing.rules)


@pytest.mark.parametrize("change", ["the whisper ends", "somebody else hears it", "a sidebar"])
async def test_what_is_for_some_alone_is_heard_by_nobody_once_a_host_sets_who_hears_it(change: str) -> None:
    async with Site() as site:
        amy, ben = Hummer(site.server, "Amy", 440), Hummer(site.server, "Ben", 1000)
        server, room = site.server, site.server.conference.rooms["tea"]
        async with await AudioClient.open(site, name="Bot", rate=RATE) as bot:
            me = bot.of("ready")[0]["id"]
            await bot.ask("to", listeners=["Amy"])
            await bot.say(tone(1700, 2.0, rate=RATE))
            await bot.ask("mark", name="said")
            await until(lambda: amy.level(1700) > -20)
            if change == "a sidebar":
                sidebar = server.sidebars.begin(room, [me, "Ben"], by=None)
            elif change == "the whisper ends":
                room.speak_up(me)
            else:
                room.set_gain("Ben", me, 1.0)
            await bot.heard("error")
            await bot.heard("mark")
            assert peak(np.concatenate(ben.heard), 1700) < -55
            if change == "a sidebar":
                server.sidebars.end(room, sidebar, by=None)
            else:
                room.speak_up(me)
            await bot.ask("to", listeners=["Ben"])
            await bot.say(tone(2500, 0.4, rate=RATE))
            await until(lambda: ben.level(2500) > -25)
            assert peak(np.concatenate(amy.heard), 2500) < -55
            assert len(bot.of("error")) == 1


async def test_nothing_stays_set_of_who_hears_somebody_who_has_left_a_sidebar() -> None:
    async with Site() as site:
        Hummer(site.server, "Amy", 440)
        Hummer(site.server, "Ben", 1000)
        room = site.server.conference.rooms["tea"]
        async with await AudioClient.open(site, name="Bot", rate=RATE) as bot:
            me = bot.of("ready")[0]["id"]
            await bot.ask("to", listeners=["Amy"])
            await until(lambda: room.hearing.gain("other", me) == 0)
            sidebar = site.server.sidebars.begin(room, [me, "Ben"], by=None)
        await until(lambda: me not in room.participants)
        site.server.sidebars.end(room, sidebar, by=None)
        assert not room.hearing.rules


async def test_a_mark_that_could_not_be_sent_back_is_refused_with_a_sentence(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with Site() as site, await AudioClient.open(site, name="Bot", rate=RATE) as bot:
        for name in ("\ud800", "a\udfff", "\U0001f600"):
            await bot.socket.send_str(json.dumps({"type": "mark", "name": name}))
        assert (await bot.heard("mark"))["name"] == "\U0001f600"
        assert len(bot.of("error")) == 2
        assert not caplog.records


async def test_a_client_who_takes_nothing_and_asks_for_nothing_is_shut_out_when_too_much_waits() -> None:
    async with Site() as site:
        amy = Hummer(site.server, "Amy", 440)
        async with await AudioClient.open(site, name="Bot", rate=RATE) as bot:
            audio = site.server.registry.of_kind(AudioSocket)[0]
            audio._line._outgoing._waits = True  # as while a connection takes nothing
            for _ in range(MAX_WAITING + 1):
                audio._outlet._queue.put("{}")
            amy.on = True
            await until(lambda: bot.of("ready")[0]["id"] not in site.server.conference.rooms["tea"].participants)


async def test_a_connection_that_breaks_while_a_ping_is_answered_is_lost_and_no_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def pong(*_: object) -> None:
        raise ClientConnectionResetError("Cannot write to closing transport")

    monkeypatch.setattr(web.WebSocketResponse, "pong", pong)
    async with Site() as site, await AudioClient.open(site, name="Bot", rate=RATE) as bot:
        left: list[ParticipantLeft] = []
        site.server.conference.subscribe(
            "tea", lambda event: left.append(event) if isinstance(event, ParticipantLeft) else None
        )
        await bot.socket.ping()
        await until(lambda: left)
        assert left[0].departure == "lost"
    assert not caplog.records


def peak(sound: Any, frequency: float) -> float:
    """The loudest that a tone ever is, in dBFS."""
    return max(level_at(sound[at : at + 9600], 48_000, frequency) for at in range(0, len(sound) - 9600, 4800))


async def test_whoever_is_muted_held_or_whispers_to_others_is_not_heard_apart_either() -> None:
    async with Site() as site:
        amy = Hummer(site.server, "Amy", 440)
        Hummer(site.server, "Ben", 1000)
        room = site.server.conference.rooms["tea"]
        async with await AudioClient.open(site, name="Bot", rate=RATE) as bot:
            me = bot.of("ready")[0]["id"]
            amy.on = True
            silences: list[tuple[Callable[[], object], Callable[[], object]]] = [
                (lambda: room.set_muted("Amy", True), lambda: room.set_muted("Amy", False)),
                (lambda: room.hold("Amy", True), lambda: room.hold("Amy", False)),
                (lambda: room.whisper("Amy", ["Ben"]), lambda: room.speak_up("Amy")),
                (lambda: room.set_gain(me, "Amy", 0.0), lambda: room.set_gain(me, "Amy", None)),
                (lambda: room.hold(me, True), lambda: room.hold(me, False)),
                (lambda: room.deafen(me, True), lambda: room.deafen(me, False)),
            ]
            for number, (begin, end) in enumerate(silences, 1):
                await bot.heard("started", number)
                await until(lambda: len(bot.frames[1]) > 3)
                begin()
                await bot.heard("stopped", number)
                had = len(bot.frames[1])
                ticks = len(amy.heard)
                await until(partial(_has_heard, amy, ticks + 5))
                assert len(bot.frames[1]) == had
                bot.frames.clear()
                end()


def _has_heard(somebody: Hummer, ticks: int) -> bool:
    return len(somebody.heard) > ticks


async def test_whoever_has_an_audio_socket_is_a_participant_as_others_are() -> None:
    async with Site() as site:
        amy = Hummer(site.server, "Amy", 440)
        async with await AudioClient.open(site, name="Bot", rate=RATE) as bot:
            me = bot.of("ready")[0]["id"]
            seat = f"/rooms/tea/participants/{me}"
            shown = await (await site.client.get(seat)).json()
            assert (shown["name"], shown["transport"], shown["connection"]["malformed"]) == ("Bot", "audio", 0)
            answer = await site.client.patch(seat, data='{"muted": true, "name": "Robot"}', headers=MERGE_PATCH)
            assert answer.status == 200
            await until(lambda: {"muted", "name"} <= {key for one in bot.of("state") for key in one})
            await bot.say(tone(700, 0.4, rate=RATE))
            await bot.ask("mark", name="unheard")
            assert (await bot.heard("mark"))["played_ms"] == 0.0
            assert amy.level(700) < -60
            await bot.ask("flush")
            assert (await bot.heard("flushed"))["unheard_ms"] == 400.0
            assert (await site.client.delete(seat)).status == 204
            await until(lambda: bot.socket.closed)
        assert set(site.server.conference.rooms["tea"].participants) == {"Amy"}
        await until(lambda: not len(site.server.calls_in_rooms))


async def test_whoever_waits_in_the_lobby_hears_nobody_until_let_in() -> None:
    async with Site(Settings(lobby="admit")) as site:
        amy = Hummer(site.server, "Amy", 440)
        room = site.server.conference.rooms["tea"]
        room.admit_all()
        async with await AudioClient.open(site, name="Bot", rate=RATE) as bot:
            assert bot.of("ready")[0]["waiting"] is True
            amy.on = True
            ticks = len(amy.heard)
            await until(lambda: len(amy.heard) > ticks + 10)
            assert not bot.frames
            room.admit_all()
            assert (await bot.heard("state"))["waiting"] is False
            await bot.heard("started")


@pytest.mark.parametrize(
    ("rights", "query", "status"),
    [
        (["speak", "listen", "voices"], {}, 101),
        (["voices"], {}, 101),
        (["speak", "listen"], {}, 403),
        (["speak"], {"listen": "false"}, 101),
        (["listen"], {"listen": "false"}, 403),
        (["speak", "voices"], {"role": "host"}, 403),
        (None, {}, 401),
    ],
)
async def test_the_rights_that_it_takes(rights: list[Any] | None, query: dict[str, str], status: int) -> None:
    async with Site(guarded()) as site:
        headers = {} if rights is None else as_role("speaker", rights=rights)
        response = await site.client.get("/rooms/tea/audio", params=query, headers=headers | UPGRADE)
        assert response.status == status
        if status != 101:
            await problem(response)
            assert "tea" not in site.server.conference.rooms
        response.close()


UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.mark.parametrize("query", ["rate=44100", "rate=", "listen=maybe", "name=%00", "role=king", "rate=8000.0"])
async def test_what_makes_no_sense_is_refused_before_the_handshake(query: str) -> None:
    async with Site() as site:
        response = await site.client.get(f"/rooms/tea/audio?{query}", headers=UPGRADE)
        assert response.status == 400
        await problem(response)
        assert not site.server.conference.rooms


async def test_a_room_that_takes_nobody_says_so_before_the_handshake_and_the_connection_goes_on() -> None:
    async with Site() as site:
        amy = Hummer(site.server, "Amy", 440)
        await site.client.patch("/rooms/tea", data='{"locked": true}', headers=MERGE_PATCH)
        with pytest.raises(WSServerHandshakeError) as refused:
            await site.client.ws_connect("/rooms/tea/audio")
        assert refused.value.status == 423
        assert (await site.client.get("/rooms/tea")).status == 200
        assert not len(site.server.calls_in_rooms)
        assert amy.participant.id == "Amy"


async def test_messages_that_make_no_sense_are_answered_with_a_sentence_and_too_many_end_it() -> None:
    async with Site(Settings(max_audio_mistakes=5)) as site:
        async with await AudioClient.open(site, name="Bot") as bot:
            for text in ("", "[]", '{"type": "sing"}', '{"type": "mark"}', '{"type": "to", "listeners": [1]}'):
                await bot.socket.send_str(text)
            for number in range(1, 6):
                assert len((await bot.heard("error", number))["title"]) > 10
            for _ in range(10):
                with suppress(ConnectionError):
                    await bot.socket.send_str("?")
            await until(lambda: bot.socket.closed)
            assert bot.socket.close_code == 1008
        await until(lambda: not site.server.conference.rooms)
