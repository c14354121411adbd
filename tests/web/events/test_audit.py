from __future__ import annotations

import logging
import shlex

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.room.events import TransferUpdated
from conference.room.policy import DEFAULT_POLICY, RoomPolicy
from conference.room.sounds import Sound
from conference.room.transferred import TransferSnapshot
from conference.web.events.audit import Audit, quoted
from tests.web.doubles import MERGE_PATCH, Site
from tests.web.followed import FollowedConference


class Book:
    """A room, and the lines that are written about it."""

    def __init__(self, policy: RoomPolicy = DEFAULT_POLICY) -> None:
        self.followed = FollowedConference(policy)
        self._lines: list[str] = []
        self.followed.journal.follow(Audit(self.followed.conference, lambda line, _: self._lines.append(line)).take)

    def lines(self) -> list[str]:
        """What was written since they were last asked for."""
        lines, self._lines[:] = list(self._lines), []
        return lines


def test_who_comes_and_goes_is_written_down() -> None:
    book = Book()
    book.followed.join("amy", role="host")
    book.followed.join("ben", identity="ben@example.org")
    book.followed.leave("amy")
    book.followed.conference.dismiss("tea", "ben", "Bye.", by="Amy Pond")
    assert book.lines() == [
        "room=tea did=join who=amy id=amy transport=local role=host waiting=no",
        'room=tea did=join who=ben id=ben identity="ben@example.org" transport=local role=speaker waiting=no',
        "room=tea did=leave who=amy id=amy how=left reason=left",
        'room=tea did=remove by="Amy Pond" who=ben id=ben identity="ben@example.org" how=removed reason=Bye.',
    ]


def test_what_is_decided_about_people_is_written_down_with_who_decided_it() -> None:
    book = Book(RoomPolicy(lobby="admit"))
    book.followed.join("ben")
    book.lines()
    room = book.followed.room
    room.admit(["ben"], by="Amy")
    room.set_muted("ben", True, by="Amy")
    room.ask_to_unmute("ben", by="Amy")
    room.set_muted("ben", False)
    room.rename("ben", "Ben", by="Amy")
    room.raise_hand("ben", 12.5)
    room.set_role("ben", "listener", by="Amy")
    room.reconnect("ben", None, None, None)
    assert book.lines() == [
        "room=tea did=change by=Amy who=ben id=ben waiting=no",
        "room=tea did=change by=Amy who=ben id=ben muted=yes muted_by=Amy",
        "room=tea did=change by=Amy who=ben id=ben muted_by=nobody",
        "room=tea did=ask_to_unmute by=Amy who=ben id=ben",
        "room=tea did=change who=ben id=ben muted=no",
        "room=tea did=change by=Amy who=Ben id=ben name=Ben",
        "room=tea did=change who=Ben id=ben hand_raised=yes",
        "room=tea did=change by=Amy who=Ben id=ben role=listener",
        "room=tea did=change who=Ben id=ben reconnected=yes",
    ]


def test_how_a_room_is_run_is_written_down_and_its_pin_is_not() -> None:
    book = Book(RoomPolicy(pin="1357"))
    book.followed.join("amy")
    book.lines()
    room = book.followed.room
    room.set_policy(RoomPolicy(pin="2468", locked=True), by="Amy")
    room.set_policy(RoomPolicy(max_participants=5), by="Amy")
    room.set_policy(RoomPolicy(pin="9753"))
    assert book.lines() == [
        "room=tea did=change_room by=Amy pin=changed locked=yes",
        "room=tea did=change_room by=Amy pin=none locked=no max_participants=5",
        "room=tea did=change_room pin=set max_participants=none",
    ]


def test_who_hears_whom_and_what_is_played_is_written_down() -> None:
    book = Book()
    for one in ("amy", "ben", "cat"):
        book.followed.join(one)
    book.lines()
    room = book.followed.room
    room.whisper("amy", ["ben"], by="Cat")
    room.speak_up("amy")
    room.play(Sound(id="s1", name="fan fare", samples=np.ones(10, np.int16), audience=frozenset({"ben"})), by="Amy")
    for tick in (1, 2):
        room.tick(tick, tick * 20_000_000)
    room.sidebar([f"p{number}" for number in range(4)], by="Amy")
    *written, sidebar = book.lines()
    assert written == [
        'room=tea did=change_hearing by=Cat set="amy>*=0,amy>ben=1"',
        'room=tea did=change_hearing unset="amy>*,amy>ben"',
        'room=tea did=play by=Amy sound="fan fare" sound_id=s1 to=ben',
        'room=tea did=sound_ended sound="fan fare" sound_id=s1',
    ]
    assert sidebar.endswith(' and 10 more"')


def test_who_is_handed_over_is_written_down() -> None:
    book = Book()
    book.followed.join("amy")
    book.lines()
    snapshot = TransferSnapshot("t1", "ben", "amy", "cat", "calling")
    book.followed.conference.publish(TransferUpdated("tea", snapshot, "Amy"))
    assert book.lines() == ["room=tea did=transfer by=Amy transfer=t1 caller=ben agent=amy callee=cat state=calling"]


def test_what_the_server_plays_by_itself_is_not_written_down() -> None:
    book = Book()
    book.followed.join("amy")
    book.lines()
    book.followed.room.play(Sound(id="s1", name="welcome", samples=np.ones(10, np.int16)))
    for tick in (1, 2):
        book.followed.room.tick(tick, tick * 20_000_000)
    assert not book.followed.room.sounds
    assert book.lines() == []


def test_neither_messages_nor_keys_nor_talk_are_written_down() -> None:
    book = Book()
    book.followed.join("amy")
    book.lines()
    room = book.followed.room
    room.send_message("amy", "Amy", "my bank account", 0.0)
    room.press_digit("amy", "5")
    room._set_talking(room.participants["amy"], talking=True)
    assert book.lines() == ["room=tea did=write who=Amy id=amy chars=15"]


def test_nothing_is_remembered_of_a_room_that_is_gone() -> None:
    followed = FollowedConference()
    audit = Audit(followed.conference, lambda *_: None)
    followed.journal.follow(audit.take)
    followed.join("amy")
    followed.leave("amy")
    assert audit._rooms == {}


@given(st.text())
def test_no_text_ends_a_line_or_pretends_to_be_more_than_itself(text: str) -> None:
    shown = quoted(text)
    assert shown.isprintable()
    assert len(shell := shlex.split(shown.replace("\\u", "u"))) == 1, shell
    inside = shown[1:-1] if shown.startswith('"') else shown
    assert '"' not in inside.replace("\\\\", "").replace('\\"', "")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Amy", "Amy"),
        ("", '""'),
        ("Zoë Müller", '"Zoë Müller"'),
        ('x" by="Host', '"x\\" by=\\"Host"'),
        ("a\nroom=tea", '"a\\u{a}room=tea"'),
        ("\u202eevil", '"\\u{202e}evil"'),
    ],
)
def test_names_are_shown_as_they_are_or_escaped(text: str, shown: str) -> None:
    assert quoted(text) == shown


async def test_the_servers_log_says_who_did_what(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "conference.audit")
    async with Site() as site:
        amy = (await site.join(name="Amy Pond")).headers["Location"]
        await site.client.patch(amy, data='{"muted": true}', headers=MERGE_PATCH)
    lines = [record.getMessage() for record in caplog.records if record.name == "conference.audit"]
    assert lines[0].startswith('room=tea did=join who="Amy Pond" id=')
    assert " muted=yes" in lines[1]
    assert " how=lost " in lines[2]
