"""The page's main journeys, the same in Chromium and in Firefox: join, hear and be heard, mute, come back, chat."""

from __future__ import annotations

import time

import pytest

from conference.room.events import MessageSent, RoomEvent
from tests.e2e.base_page import BasePage
from tests.e2e.on_the_page import AMY_HZ, BEN_HZ, hears_amy, in_the_room, join, loudness, names, participant, until
from tests.e2e.running import RunningServer, eventually
from tests.e2e.seats import seat_local
from tests.tones import level_at

pytestmark = pytest.mark.e2e


async def test_somebody_types_a_name_and_a_room_is_in_and_leaves(server: RunningServer, any_page: BasePage) -> None:
    await any_page.goto(server.url + "/")
    await any_page.fill("Your name", "Amy Archer")
    await any_page.fill("Room", "standup")
    await any_page.press("Enter")
    await in_the_room(any_page)
    assert names(server) == ["Amy Archer"]
    await any_page.wait_for_text("Connection: good")
    await any_page.click("button", "Leave")
    await any_page.wait_for_text("You left the room")
    await eventually(lambda: names(server) == [], "nobody is left")
    assert any_page.complaints == []


async def test_who_is_on_the_page_hears_is_heard_and_never_hears_themselves(
    server: RunningServer, any_page: BasePage
) -> None:
    ben = seat_local(server, "standup", "Ben", BEN_HZ)
    await join(any_page, server)
    await any_page.wait_for("document.querySelectorAll('.person.is-talking').length === 2")

    async def at_amy() -> bool:
        rate, heard = await any_page.record_remote_audio(0.5)
        hears_ben = level_at(heard * 32768, rate, BEN_HZ) == pytest.approx(-20, abs=3)
        return hears_ben and level_at(heard * 32768, rate, AMY_HZ) < -60

    await until(at_amy, "Amy hears Ben, and not herself")
    await until(lambda: hears_amy(ben), "Ben hears Amy")
    assert any_page.complaints == []


async def test_who_is_muted_is_silent_and_heard_again_afterwards(server: RunningServer, any_page: BasePage) -> None:
    ben = seat_local(server, "standup", "Ben")
    await join(any_page, server)
    await until(lambda: hears_amy(ben), "Ben hears Amy")
    await any_page.click("button", "Mute")
    await eventually(lambda: participant(server).muted, "the server knows")
    await any_page.wait_for("document.querySelector('.is-you').innerText.includes('Muted')")

    async def at_ben() -> bool:
        return loudness(await ben.listen(0.5)) < -90

    await until(at_ben, "Ben hears nothing")
    await any_page.click("button", "Unmute")
    await eventually(lambda: not participant(server).muted, "the server knows again")
    await until(lambda: hears_amy(ben), "Ben hears Amy again")
    await any_page.press("m")
    await eventually(lambda: participant(server).muted, "M mutes")
    await any_page.key_down(" ")
    await eventually(lambda: not participant(server).muted, "Space opens while it is held")
    await any_page.key_up(" ")
    await eventually(lambda: participant(server).muted, "muted again")
    assert any_page.complaints == []


async def test_a_lost_connection_comes_back_into_the_same_seat_with_sound_both_ways(
    server: RunningServer, any_page: BasePage
) -> None:
    ben = seat_local(server, "standup", "Ben", BEN_HZ)
    await join(any_page, server)
    await until(lambda: hears_amy(ben), "Ben hears Amy")
    seat = participant(server).id
    peer = server.peer("standup", seat)
    assert peer is not None
    await peer.close()
    await any_page.wait_for_text("Connection lost. Reconnecting…", within=8)
    await any_page.wait_for_text("You are back.", within=8)
    assert participant(server).id == seat
    assert names(server) == ["Amy", "Ben"]
    await until(lambda: hears_amy(ben), "Ben hears Amy again")

    async def at_amy() -> bool:
        rate, heard = await any_page.record_remote_audio(0.5)
        return level_at(heard * 32768, rate, BEN_HZ) == pytest.approx(-20, abs=3)

    await until(at_amy, "Amy hears Ben again")


async def test_the_chat_goes_both_ways(server: RunningServer, any_page: BasePage) -> None:
    await join(any_page, server)
    seat_local(server, "standup", "Ben")
    told: list[RoomEvent] = []
    server.live.conference.subscribe("standup", told.append)
    server.live.conference.rooms["standup"].send_message("local-Ben", "Ben", "Hello Amy", time.time())
    await any_page.click("button", "Chat, 1 unread")
    await any_page.wait_for_text("Hello Amy")
    await any_page.fill("Message to everybody", "Hello <b>Ben</b>")
    await any_page.press("Enter")
    await any_page.wait_for("document.querySelector('.chat-log li:last-child').innerText.includes('Hello <b>Ben</b>')")
    assert [event.text for event in told if isinstance(event, MessageSent)] == ["Hello Amy", "Hello <b>Ben</b>"]
    assert any_page.complaints == []
