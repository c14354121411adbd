"""What there is to be seen of the page: each scene brings one view onto Amy's screen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

import numpy as np

from conference.access.grants import Role
from conference.audio.frame import SAMPLE_RATE, Samples
from conference.room.captioned import Caption
from conference.room.events import Captioned
from conference.room.participant import Participant, Transport
from tests.e2e.on_the_page import in_the_room
from tests.e2e.seats import Ear, LoopedSource
from tests.e2e.two_on_the_page import Stage, open_link

AMY = "Amy Archer"

PEOPLE: tuple[tuple[str, Transport, str], ...] = (
    ("Ben Okafor", "webrtc", "talks"),
    ("+44 20 7946 0018", "twilio", ""),
    ("Elif Yılmaz", "webrtc", "muted"),
    ("Charlie", "webrtc", ""),
    ("Booking assistant", "twilio", ""),
    ("Hana Sato", "webrtc", ""),
    ("Gustav Lindqvist", "webrtc", "muted"),
    ("Inés Ferrer", "webrtc", "talks"),
    ("Reception", "twilio", ""),
    ("Jürgen", "webrtc", "muted"),
    ("Kavya Rao", "webrtc", ""),
    ("Mateo Silva", "webrtc", "muted"),
    ("Noor", "webrtc", ""),
    ("+1 415 555 0134", "twilio", ""),
    ("Olga Petrova", "webrtc", ""),
    ("Priya Raman", "webrtc", "muted"),
    ("Kwame Mensah", "webrtc", ""),
    ("Siobhán O'Neill", "webrtc", ""),
    ("Sven", "webrtc", "muted"),
    ("Tom", "webrtc", ""),
    ("Zoë", "webrtc", "talks"),
    ("Ana", "webrtc", ""),
    ("Li", "webrtc", "muted"),
    ("Bo", "webrtc", ""),
)
"""Name, way in, and what they do."""


def murmur(seconds: float, seed: int) -> Samples:
    """Noise that swells and sinks as syllables do."""
    noise = np.random.default_rng(seed)
    time_axis = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    swell = 0.65 + 0.35 * np.sin(2 * np.pi * 4 * time_axis)
    return np.rint(noise.normal(0, 1600, time_axis.size) * swell).astype(np.int16)


def seat(stage: Stage, number: int, role: Role = "speaker") -> None:
    """Seat one of the people."""
    name, transport, does = PEOPLE[number]
    source = LoopedSource(murmur(1.0, number)) if does == "talks" else None
    person = Participant(
        id=f"p{number}", name=name, transport=transport, joined_at=time.time(), source=source, sink=Ear(), role=role
    )
    stage.server.live.conference.join(stage.room_name, person)
    if does == "muted":
        hosts = [one.name for one in stage.room.participants.values() if one.role == "host"]
        stage.room.set_muted(person.id, True, by=hosts[0] if number == 2 else None)


async def enter(stage: Stage, role: Role, others: int, host: int | None = None) -> None:
    """Have Amy enter, and some others after her."""
    await stage.enter(stage.amy, AMY, role)
    for number in range(others):
        seat(stage, number, "host" if number == host else "speaker")
    await stage.amy.wait_for(f"document.querySelectorAll('.person').length === {others + 1}")


async def join(stage: Stage, phone: bool) -> None:
    """Before joining."""
    del phone
    await open_link(stage.amy, stage.link(AMY, "speaker").replace("processing=off", ""))


async def speaker(stage: Stage, phone: bool) -> None:
    """A talk between a few, with the chat beside it where there is room."""
    await enter(stage, "speaker", 3, host=0)
    if not phone:
        await stage.amy.click("button", "Chat")
    write(stage)


def write(stage: Stage) -> None:
    """Have people write to each other."""
    now = time.time()
    stage.room.send_message("p0", "Ben Okafor", "The third quarter is 18 per cent up.", now - 140)
    stage.room.send_message("p2", "Elif Yılmaz", "Can you share the table afterwards?", now - 60)
    stage.room.send_message(stage.person(AMY).id, AMY, "I will.", now - 20)


async def host(stage: Stage, phone: bool) -> None:
    """A host, with hands raised and people who wait."""
    del phone
    await enter(stage, "host", 6)
    stage.room.raise_hand("p5", time.time() - 9)
    stage.room.raise_hand("p3", time.time() - 4)
    stage.room.hold("p4", True, by=AMY)
    stage.room.set_policy(replace(stage.room.policy, lobby="admit"))
    for number in (8, 10):
        seat(stage, number)
    await stage.amy.wait_for_text("2 people wait to be let in")


async def person(stage: Stage, phone: bool) -> None:
    """What a host can do about somebody."""
    await host(stage, phone)
    await stage.amy.click("button", "More about Ben Okafor")
    await asyncio.sleep(0.5)


async def manage(stage: Stage, phone: bool) -> None:
    """How a host runs the room."""
    await host(stage, phone)
    if phone:
        await stage.amy.click("button", "More")
    await stage.amy.click("button", "Manage room")
    await asyncio.sleep(0.5)


async def listener(stage: Stage, phone: bool) -> None:
    """Somebody who is there to listen, and wants to say something."""
    del phone
    await enter(stage, "listener", 5, host=0)
    stage.room.raise_hand(stage.person(AMY).id, time.time())


async def lobby(stage: Stage, phone: bool) -> None:
    """Somebody who waits to be let in."""
    del phone
    await stage.enter(stage.ben, "Ben", "host")
    stage.room.set_policy(replace(stage.room.policy, lobby="admit"))
    await stage.knock(stage.amy, AMY)
    await stage.amy.wait_for_text("You are in the waiting room")


async def silenced(stage: Stage, phone: bool) -> None:
    """Somebody who was asked to unmute, muted again by the host, and hears nobody: all that stands above the people."""
    del phone
    await enter(stage, "speaker", 2, host=0)
    await in_the_room(stage.amy)
    own = stage.person(AMY).id
    stage.room.set_muted(own, True, by="Ben Okafor")
    stage.room.ask_to_unmute(own, by="Ben Okafor")
    await stage.amy.wait_for_text("Ben Okafor asks you to unmute.")
    stage.room.set_muted(own, True, by="Ben Okafor")
    stage.room.deafen(own, True, by="Ben Okafor")
    await stage.amy.wait_for_text("Muted by Ben Okafor")


async def crowd(stage: Stage, phone: bool) -> None:
    """A full room."""
    del phone
    await enter(stage, "speaker", len(PEOPLE), host=0)
    for number in range(3):
        stage.room.raise_hand(f"p{number}", time.time())


async def captions(stage: Stage, phone: bool) -> None:
    """A talk between a few, in words."""
    del phone
    await enter(stage, "host", 3)
    stage.room.set_policy(replace(stage.room.policy, captions=True), by="Ben Okafor")
    said = [
        ("p0", "Ben Okafor", "The third quarter is eighteen per cent up, and most of that is from the new customers."),
        ("p2", "Elif Yılmaz", "Can you share the table afterwards?"),
        ("p1", "+44 20 7946 0018", "And what about the second"),
    ]
    for number, (who, name, text) in enumerate(said):
        final = number < len(said) - 1
        caption = Caption(f"c{number}", who, name, text, final, number, number + 1, time.time(), time.time())
        stage.server.live.conference.publish(Captioned(stage.room_name, caption))
    await stage.amy.wait_for_text("And what about the second")


SCENES: dict[str, Callable[[Stage, bool], Awaitable[None]]] = {
    "join": join,
    "speaker": speaker,
    "host": host,
    "listener": listener,
    "lobby": lobby,
    "person": person,
    "manage": manage,
    "silenced": silenced,
    "crowd": crowd,
    "captions": captions,
}
"""By the name of their pictures; each is given the stage, and whether it is a phone."""
