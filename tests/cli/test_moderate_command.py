"""The everyday commands, against a server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.cli.main import COMMANDS, MODERATION, main
from conference.cli.moderate import COMMANDS as MODERATE
from conference.cli.terminal.tables import render
from conference.room.events import MessageSent, RoomEvent
from conference.telephony.destinations import read_destination
from tests.web.doubles import Site
from tests.web.passes import as_role, guarded, token


class Terminal:
    """Somebody with a shell, and a server with Hana (a host), Amy and Ben in room ``tea``."""

    def __init__(self, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
        self.site = site
        self._capsys = capsys
        self.token = token("host", None, name="Hana")

    async def type(self, *arguments: str) -> tuple[int, str, str]:
        """Run a command; gives its status, and what it printed where."""
        server = ["--url", str(self.site.client.make_url("/")), "--token", self.token]
        status = await asyncio.to_thread(main, [*arguments, *server])
        out, err = self._capsys.readouterr()
        return status, out.strip(), err.strip()

    def person(self, name: str) -> Any:
        return next(one for one in self.site.server.conference.rooms["tea"].participants.values() if one.name == name)


@pytest.fixture
async def shell(capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Terminal]:
    async with Site(guarded()) as site:
        for name, role in (("Hana", "host"), ("Amy", "speaker"), ("Ben", "speaker")):
            assert (await site.join(name=name, **as_role(role))).status == 201  # type: ignore[arg-type]
        yield Terminal(site, capsys)


def test_every_command_of_a_host_is_known_to_the_program() -> None:
    assert tuple(sorted(MODERATE)) == tuple(sorted(MODERATION))
    assert {COMMANDS[name] for name in MODERATION} == {"moderate"}


async def test_a_room_is_named_by_a_word_an_option_or_an_address(
    shell: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    url = str(shell.site.client.make_url("/")).rstrip("/")
    there = ["--token", shell.token]
    for arguments in (
        ["mute", "tea", "Amy", "--url", url],
        ["mute", "tea", "--url", url, "Amy"],
        ["mute", f"{url}/join/tea", "Amy"],
        ["mute", "Amy", "--url", f"{url}/join/tea"],
        ["mute", "tea", "Amy", "--url", f"{url}/join/tea"],
        ["mute", "--url", url, "--room", "tea", "Amy"],
        ["mute", "Amy", "--room", "tea", "--url", f"{url.replace('http', 'ws')}/twilio/stream/tea"],
        ["mute", f"{url}/join/tea#token={shell.token}", "Amy"],
    ):
        shell.person("Amy").muted = False
        given = [] if "token=" in arguments[1] else there
        assert await asyncio.to_thread(main, [*arguments, *given]) == 0, arguments
        assert capsys.readouterr().out == "Muted Amy.\n"
        assert shell.person("Amy").muted
    assert await asyncio.to_thread(main, ["rooms", url, *there]) == 0
    assert await asyncio.to_thread(main, ["participants", "--room", "tea", "--url", url, *there]) == 0
    assert await asyncio.to_thread(main, ["say", "--room", "tea", "--url", url, *there, "Five", "minutes"]) == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["lock"], "a room is missing"),
        (["kick", "tea"], "people are missing"),
        (["say", "tea"], "words are missing"),
        (["lock", "tea", "--room", "milk"], "two rooms are named, milk and tea"),
        (["lock", "--room", "tea", "--url", "http://h/join/milk"], "the address is of room milk, and --room says tea"),
        (["lock", "http://h/join/tea", "--url", "http://h"], "two addresses are given"),
        (["lock", "http://h"], "a room is missing"),
        (["lock", "tea", "--nonsense"], "unrecognized arguments: --nonsense"),
        (["lock", "tea", "milk"], "unrecognized arguments: milk"),
    ],
)
def test_arguments_that_make_no_sense_are_explained(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert complaint in capsys.readouterr().err


async def test_rooms_are_a_table(shell: Terminal) -> None:
    status, out, _ = await shell.type("rooms")
    head, line = out.splitlines()
    assert (status, head.split(), line.split()[:2]) == (0, ["ROOM", "PEOPLE", "FOR"], ["tea", "3"])


async def test_participants_are_a_table_that_says_what_is_the_matter(shell: Terminal) -> None:
    await shell.type("mute", "tea", "Amy")
    await shell.type("hold", "tea", "Ben")
    await shell.type("lock", "tea")
    _, out, _ = await shell.type("participants", "tea")
    lines = out.splitlines()
    assert lines[0].split() == ["NAME", "ROLE", "STATE", "BY", "FOR", "ID"]
    assert "muted by Hana" in lines[2]
    assert "on hold" in lines[3]
    assert lines[-1] == "Room tea: locked."


async def test_json_is_what_the_server_says(shell: Terminal) -> None:
    _, out, _ = await shell.type("participants", "tea", "--json")
    assert [one["name"] for one in json.loads(out)["participants"]] == ["Hana", "Amy", "Ben"]
    _, out, _ = await shell.type("mute", "tea", "Amy", "--json")
    assert [(one["name"], one["muted"]) for one in json.loads(out)] == [("Amy", True)]


async def test_people_are_muted_and_unmuted_by_name_in_any_case_or_by_id(shell: Terminal) -> None:
    assert (await shell.type("mute", "tea", "amy", shell.person("Ben").id))[1] == "Muted Amy and Ben."
    assert shell.person("Amy").muted_by == shell.person("Ben").muted_by == "Hana"
    assert (await shell.type("unmute", "tea", "Amy"))[1] == "Unmuted Amy."
    assert not shell.person("Amy").muted
    assert (await shell.type("unmute", "tea", "Ben", "--ask"))[1] == "Asked to unmute: Ben."
    assert (shell.person("Ben").muted, shell.person("Ben").muted_by) == (True, None)


async def test_all_are_muted_but_hosts(shell: Terminal) -> None:
    assert (await shell.type("mute", "tea", "--all"))[1] == "Muted 2 people, all but hosts."
    assert not shell.person("Hana").muted


async def test_people_are_put_on_hold_and_taken_back(shell: Terminal) -> None:
    assert (await shell.type("hold", "tea", "Amy"))[1] == "On hold: Amy."
    assert shell.person("Amy").held
    await shell.type("hold", "tea", "Amy", "--off")
    assert not shell.person("Amy").held


async def test_people_are_let_in_from_the_lobby(shell: Terminal) -> None:
    for name in ("Amy", "Ben"):
        shell.person(name).waiting = True
    assert (await shell.type("admit", "tea", "Amy"))[1] == "Admitted Amy."
    assert (shell.person("Amy").waiting, shell.person("Ben").waiting) == (False, True)
    assert (await shell.type("admit", "tea", "--all"))[0] == 0
    assert not shell.person("Ben").waiting


async def test_people_are_removed_rooms_locked_and_ended(shell: Terminal) -> None:
    assert (await shell.type("kick", "tea", "Amy"))[1] == "Removed Amy."
    room = shell.site.server.conference.rooms["tea"]
    assert [one.name for one in room.participants.values()] == ["Hana", "Ben"]
    locked = []
    for command in ("lock", "unlock"):
        await shell.type(command, "tea")
        locked.append(room.policy.locked)
    assert locked == [True, False]
    assert (await shell.type("end", "tea"))[1] == "The conference in room tea is over."
    assert (await shell.type("rooms"))[1] == "Nobody is in any room."


async def test_words_are_sent_to_everybody(shell: Terminal) -> None:
    told: list[RoomEvent] = []
    shell.site.server.conference.subscribe("tea", told.append)
    await shell.type("say", "tea", "Five", "minutes", "left")
    [message] = [one for one in told if isinstance(one, MessageSent)]
    assert (message.name, message.text) == ("Hana", "Five minutes left")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["participants", "coffee"], "There is no such room: nobody is in it. It is made when somebody joins."),
        (["mute", "tea", "Zoe"], "nobody called 'Zoe' is in room tea; here are Hana, Amy and Ben."),
        (["mute", "tea"], "name people, or give --all: one of the two."),
        (["admit", "tea", "Amy", "--all"], "name people, or give --all: one of the two."),
        (["say", "tea", " "], "This message is empty: write something."),
    ],
)
async def test_what_cannot_be_done_is_said_in_a_sentence(shell: Terminal, arguments: list[str], complaint: str) -> None:
    status, out, err = await shell.type(*arguments)
    assert (status, out, err) == (1, "", f"conference {arguments[0]}: {complaint}")


async def test_two_of_one_name_are_told_apart_by_id(shell: Terminal) -> None:
    await shell.site.join(name="amy", **as_role())
    assert (await shell.type("mute", "tea", "Amy"))[1] == "Muted Amy.", "one is written just so"
    await shell.site.join(name="Amy", **as_role())
    status, _, err = await shell.type("mute", "tea", "Amy")
    assert status == 1
    assert "2 people in room tea are called 'Amy': say which by id:" in err


async def test_without_the_right_the_servers_own_words_are_shown(shell: Terminal) -> None:
    shell.token = token("speaker")
    status, _, err = await shell.type("mute", "tea", "Amy")
    assert (status, err) == (1, "conference mute: Your token does not allow you to moderate.")


async def test_a_server_that_is_not_there_or_not_ours_is_said_to_be(
    shell: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await asyncio.to_thread(main, ["rooms", "--url", "http://127.0.0.1:1"]) == 1
    assert "no server answers at http://127.0.0.1:1" in capsys.readouterr().err
    assert await asyncio.to_thread(main, ["rooms", "--url", str(shell.site.client.make_url("/join"))]) == 1
    assert "is not this kind of server" in capsys.readouterr().err


def test_a_room_that_is_none_is_refused_before_anything_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["lock", "no room"])
    assert ended.value.code == 2
    assert "'no room' is not a room's name: A room's name is 1 to 64 characters" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["ftp://host", "http://", "http://a host", "http://host/?x=1", "http://[::1"])
def test_an_address_that_is_none_is_refused(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["rooms", "--url", url])
    assert ended.value.code == 2
    assert f"--url: '{url}' is not the address of a server" in capsys.readouterr().err


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), max_size=5))
def test_a_table_has_a_line_for_each_row_and_cannot_steer_the_terminal(rows: list[tuple[str, str]]) -> None:
    text = render(("one", "two"), rows)
    assert len(text.split("\n")) == 1 + len(rows)
    assert all(one.isprintable() or one.isspace() for one in text.replace("\n", ""))
    assert "\x1b" not in text


async def test_a_bot_is_called_into_a_room(capsys: pytest.CaptureFixture[str]) -> None:
    async with Site(guarded(dial_allow=(read_destination("127.0.0.1:9"),))) as site:
        shell = Terminal(site, capsys)
        status, out, _ = await shell.type("dial", "tea", "ws://127.0.0.1:9/bot", "--name", "Bot", "--param", "a=b")
        assert (status, out.startswith("Calling Bot into room tea, as participant ")) == (0, True)
        status, _, err = await shell.type("dial", "tea", "+15551234567", "--ring-seconds", "30")
        assert (status, "no telephones" in err) == (1, True)
        status, out, _ = await shell.type("dial", "--room", "tea", "ws://127.0.0.1:9/bot", "--json")
        assert (status, json.loads(out)["name"]) == (0, "127.0.0.1")
        status, _, err = await shell.type("dial", "tea", "ws://127.0.0.1:8/bot")
        assert (status, "--dial-allow" in err) == (1, True)
        status, _, err = await shell.type("dial", "tea", "ws://127.0.0.1:9/a", "ws://127.0.0.1:9/b")
        assert (status, "one at a time" in err) == (1, True)
