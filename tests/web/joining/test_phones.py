"""Callers with their keys: in by PIN, told what happens, out with a word."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from aiohttp import WSMsgType

from conference.audio.g711 import ulaw_decode
from conference.room.events import DigitPressed, RoomEvent
from conference.room.policy import RoomPolicy
from conference.settings import Settings
from conference.web.app import hang_up_all
from tests.web.access.test_access_calls import AUTH, ORIGIN, signed
from tests.web.doubles import Site
from tests.web.joining.test_calling import CONNECTED, call, people, start, until
from tests.web.passes import guarded, token

PIN = Settings(pins=(("tea", "1234"),))


async def press(socket: Any, keys: str) -> None:
    for key in keys:
        await socket.send_json({"event": "dtmf", "dtmf": {"track": "inbound_track", "digit": key}})


async def end_of(socket: Any) -> tuple[int, np.ndarray]:
    """The code with which a call is closed, and all that was heard before."""
    heard = bytearray()
    async with asyncio.timeout(15):
        while (message := await socket.receive()).type is WSMsgType.TEXT:
            data = json.loads(message.data)
            if data["event"] == "media":
                heard += base64.b64decode(data["media"]["payload"])
    return int(socket.close_code), ulaw_decode(bytes(heard))


async def hear(socket: Any, samples: int) -> np.ndarray:
    """What a caller hears next: so many samples at 8 kHz, or a few more."""
    heard = bytearray()
    async with asyncio.timeout(10):
        while len(heard) < samples:
            data = json.loads((await socket.receive()).data)
            if data["event"] == "media":
                heard += base64.b64decode(data["media"]["payload"])
    return ulaw_decode(bytes(heard))


def loud(heard: np.ndarray) -> int:
    """How many samples are clearly to be heard."""
    return int(np.count_nonzero(np.abs(heard.astype(int)) > 1000))


def at_the_door(site: Site) -> int:
    return len(site.server.call_services.outside)


@pytest.mark.parametrize("settings", [PIN, guarded(pins=PIN.pins)], ids=["open", "guarded"])
async def test_a_caller_gets_in_with_the_pin_and_nobody_sees_its_digits(settings: Settings) -> None:
    async with Site(settings) as site:
        seen: list[RoomEvent] = []
        site.server.conference.subscribe("tea", seen.append)
        socket = await call(site, name="Amy")
        await until(lambda: at_the_door(site) == 1)
        assert people(site) == []
        await press(socket, "1234#")
        await until(lambda: people(site) == ["Amy"])
        assert at_the_door(site) == 0
        await press(socket, "9")
        await until(lambda: any(isinstance(event, DigitPressed) for event in seen))
        assert [event.digit for event in seen if isinstance(event, DigitPressed)] == ["9"]


async def test_a_caller_who_does_not_know_the_pin_is_turned_away() -> None:
    async with Site(PIN) as site:
        socket = await call(site)
        await press(socket, "1#2#3#1234#")
        code, heard = await end_of(socket)
        assert code == 1008
        assert np.abs(heard.astype(int)).max() > 3000  # they were told
        assert people(site) == []
        await until(lambda: at_the_door(site) == 0)


async def test_a_caller_who_does_nothing_is_turned_away() -> None:
    async with Site(Settings(pins=PIN.pins, pin_timeout=1, pin_tries=1)) as site:
        code, _ = await end_of(await call(site))
        assert code == 1008
        await until(lambda: at_the_door(site) == 0 and not site.server.calls)


async def test_a_caller_who_hangs_up_at_the_door_is_gone() -> None:
    async with Site(PIN) as site:
        socket = await call(site)
        await until(lambda: at_the_door(site) == 1)
        await press(socket, "12")
        await socket.close()
        await until(lambda: at_the_door(site) == 0 and not site.server.calls)


@pytest.mark.parametrize("gone", ["the pin", "the room"])
async def test_whoever_stands_at_the_door_when_its_pin_goes_is_let_in(gone: str) -> None:
    async with Site() as site:
        host = await call(site, name="Host")
        await until(lambda: people(site) == ["Host"])
        room = site.server.conference.rooms["tea"]
        room.set_policy(RoomPolicy(pin="1234"))
        socket = await call(site, name="Amy")
        await until(lambda: at_the_door(site) == 1)
        if gone == "the pin":
            room.set_policy(RoomPolicy())
        else:
            await host.close()
            await until(lambda: people(site) == [])
        await press(socket, "1234#")
        await until(lambda: "Amy" in people(site))
        assert at_the_door(site) == 0


async def test_too_many_wrong_pins_end_a_call_before_its_tries_are_over() -> None:
    async with Site(Settings(pins=PIN.pins, max_pin_guesses_per_minute=1, pin_tries=20)) as site:
        socket = await call(site)
        await press(socket, "1#2#1234#")
        assert (await end_of(socket))[0] == 1008
        assert people(site) == []


async def test_whoever_stands_at_the_door_when_the_server_stops_is_told() -> None:
    async with Site(PIN) as site:
        socket = await call(site)
        await until(lambda: at_the_door(site) == 1)
        stopping = asyncio.create_task(hang_up_all(site.app))
        assert (await end_of(socket))[0] == 1001
        await stopping
        assert at_the_door(site) == 0


async def test_a_host_by_token_needs_no_pin_and_locks_the_room_with_a_key() -> None:
    async with Site(guarded(pins=PIN.pins)) as site:
        socket = await call(site, name="Amy", token=token("host"))
        await until(lambda: people(site) == ["Amy"])
        await press(socket, "*7")
        await until(lambda: site.server.conference.rooms["tea"].policy.locked)


async def test_the_keys_of_a_speaker_lock_nothing() -> None:
    async with Site(guarded()) as site:
        socket = await call(site, token=token("speaker"))
        await until(lambda: people(site))
        await press(socket, "*7*6")
        await until(lambda: next(iter(site.server.conference.rooms["tea"].participants.values())).muted)
        assert not site.server.conference.rooms["tea"].policy.locked


async def test_whoever_is_sent_away_is_told_after_they_have_left() -> None:
    async with Site() as site:
        socket = await call(site, prompts="on")
        await until(lambda: people(site))
        [caller] = site.server.conference.rooms["tea"].participants
        site.server.conference.dismiss("tea", caller, "enough", by="Host")
        assert people(site) == []
        code, heard = await end_of(socket)
        assert code == 1000
        assert loud(heard) > 2000
        await until(lambda: at_the_door(site) == 0 and not site.server.calls)


async def test_a_locked_room_says_so_to_a_phone_and_at_once_to_a_program() -> None:
    async with Site() as site:
        await site.join("tea")
        site.server.conference.rooms["tea"].set_policy(RoomPolicy(locked=True))
        code, heard = await end_of(await call(site, prompts="on"))
        assert code == 1008
        assert len(heard) > 8000
        code, heard = await end_of(await call(site))
        assert code == 1008
        assert not heard.any()


async def test_a_caller_hears_that_nobody_else_is_here() -> None:
    async with Site() as site:
        socket = await call(site, prompts="on")
        assert loud(await hear(socket, 8000))


async def test_whoever_presses_a_key_is_a_person_and_told_what_it_did() -> None:
    async with Site() as site:
        socket = await call(site)
        await until(lambda: people(site))
        await press(socket, "*6")
        told = 0
        async with asyncio.timeout(10):
            while told < 2000:
                told += loud(await hear(socket, 160))


@pytest.mark.parametrize(
    ("settings", "said"),
    [(Settings(), {}), (Settings(), {"prompts": "off"}), (Settings(phone_prompts=False), {"prompts": "on"})],
)
async def test_a_program_hears_silence(settings: Settings, said: dict[str, str]) -> None:
    async with Site(settings) as site:
        socket = await call(site, **said)
        assert not (await hear(socket, 8000)).any()


def signed_settings(**more: Any) -> Settings:
    return Settings(pins=PIN.pins, twilio_auth_token=AUTH, public_url=ORIGIN, max_pin_guesses_per_minute=1, **more)


async def signed_call(site: Site, **parameters: str) -> Any:
    address = f"{ORIGIN.replace('https', 'wss')}/twilio/stream/tea"
    socket = await site.client.ws_connect("/twilio/stream/tea", headers=signed(address))
    await socket.send_json(CONNECTED)
    await socket.send_json(start(**parameters))
    return socket


async def test_of_calls_that_twilio_has_signed_wrong_pins_are_counted_by_number() -> None:
    async with Site(signed_settings()) as site:
        guessing = await signed_call(site, **{"from": "+15550001"})
        await press(guessing, "1#2#1234#")
        other = await signed_call(site, **{"from": "+15550002"}, name="Amy")
        await press(other, "1234#")
        await until(lambda: people(site) == ["Amy"])
        assert (await end_of(guessing))[0] == 1008


async def test_of_other_calls_wrong_pins_are_counted_by_address() -> None:
    async with Site(Settings(pins=PIN.pins, max_pin_guesses_per_minute=1)) as site:
        guessing = await call(site, **{"from": "+15550001"})
        await press(guessing, "1#2#")
        other = await call(site, **{"from": "+15550002"})
        await press(other, "1234#")
        assert (await end_of(guessing))[0] == (await end_of(other))[0] == 1008
        assert people(site) == []


async def test_the_webhook_tells_the_number_where_a_pin_will_be_asked_for() -> None:
    form = {"CallSid": "CA1", "From": "+14158675309"}
    async with Site(signed_settings()) as site:
        for room, wanted in (("tea", "+14158675309"), ("coffee", None)):
            url = f"/twilio/voice?room={room}"
            answered = await site.client.post(url, data=form, headers=signed(ORIGIN + url, form))
            given = {
                one.get("name"): one.get("value") for one in ET.fromstring(await answered.text()).iter("Parameter")
            }
            assert given.get("from") == wanted


@pytest.mark.parametrize("settings", [Settings(max_calls=1), Settings(max_calls_per_address=1)])
async def test_no_more_calls_are_in_rooms_than_there_may_be(settings: Settings) -> None:
    async with Site(settings) as site:
        first = await call(site, name="Amy")
        await until(lambda: people(site) == ["Amy"])
        second = await call(site, "/twilio/stream/coffee", name="Ben")
        assert (await end_of(second))[0] == 1013
        await first.close()
        await until(lambda: people(site) == [])
        await call(site, name="Cat")
        await until(lambda: people(site) == ["Cat"])
