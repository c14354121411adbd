"""Where a command goes: the same ways to say it for all of them."""

from __future__ import annotations

import argparse
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.cli import addresses, load
from conference.cli.addresses import RoomAddress, read_address, room_name
from conference.cli.main import main
from conference.cli.stay.phone_call import PhoneCall
from conference.cli.streams import Stream, read_server, read_stream
from conference.telephony.connecting import CallError

SERVER = "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("http://127.0.0.1:8080", RoomAddress(SERVER)),
        ("127.0.0.1:8080/", RoomAddress(SERVER)),
        ("http://127.0.0.1:8080/join/tea", RoomAddress(SERVER, "tea")),
        ("127.0.0.1:8080/join/tea/", RoomAddress(SERVER, "tea")),
        ("http://127.0.0.1:8080/join/tea?name=Amy", RoomAddress(SERVER, "tea")),
        ("http://127.0.0.1:8080/join/tea#token=a.b.c", RoomAddress(SERVER, "tea", "a.b.c")),
        ("http://127.0.0.1:8080/#token=a.b.c", RoomAddress(SERVER, None, "a.b.c")),
        ("http://127.0.0.1:8080/rooms/tea", RoomAddress(SERVER, "tea")),
        ("http://127.0.0.1:8080/rooms/tea/participants/1", RoomAddress(SERVER, "tea")),
        ("ws://127.0.0.1:8080/twilio/stream/tea", RoomAddress(SERVER, "tea")),
        ("ws://127.0.0.1:8080/twilio/stream", RoomAddress(SERVER)),
        ("wss://talk.example.org", RoomAddress("https://talk.example.org")),
        ("https://talk.example.org/conf/join/tea", RoomAddress("https://talk.example.org/conf", "tea")),
        ("https://talk.example.org/conf", RoomAddress("https://talk.example.org/conf")),
        ("http://[::1]:8080/join/%74ea", RoomAddress("http://[::1]:8080", "tea")),
        ("talk", RoomAddress("http://talk", word="talk")),
        ("localhost", RoomAddress("http://localhost")),
    ],
)
def test_an_address_says_which_server_and_which_room(text: str, meant: RoomAddress) -> None:
    assert read_address(text) == meant


@pytest.mark.parametrize(
    "text",
    ["", "://", "http://", "ftp://host", "http://a host", "http://host/?x=1", "http://[::1", "http://host:99999"],
)
def test_what_is_no_address_is_one_sentence(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is not the address of a server, like http://"):
        read_address(text)


@pytest.mark.parametrize("text", ["http://h/join/a%20b", "http://h/join/%2e%2e%2f", "ws://h/twilio/stream/" + "a" * 65])
def test_an_address_with_a_room_that_is_none_says_so(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="names no room: A room's name is 1 to 64 characters"):
        read_address(text)


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    for read in (read_address, read_stream, read_server, room_name):
        with contextlib.suppress(argparse.ArgumentTypeError):
            read(text)


@given(st.sampled_from(["http", "https", "ws", "wss"]), st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True))
def test_both_ways_to_name_a_room_mean_the_same(scheme: str, room: str) -> None:
    server = read_address(f"{scheme}://host:1").server
    for way in ("join", "twilio/stream"):
        assert read_address(f"{scheme}://host:1/{way}/{room}") == RoomAddress(server, room)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("http://h:1/join/tea", Stream("ws://h:1/twilio/stream/tea", "tea")),
        ("https://h/conf/join/tea#token=t", Stream("wss://h/conf/twilio/stream/tea", "tea", "t")),
        ("http://h/rooms/tea", Stream("ws://h/twilio/stream/tea", "tea")),
        ("ws://h/twilio/stream/tea", Stream("ws://h/twilio/stream/tea", "tea")),
        ("ws://h/join/tea", Stream("ws://h/join/tea")),
        ("https://bot/media?x=1", Stream("wss://bot/media?x=1")),
        ("h:1", Stream("ws://h:1/twilio/stream")),
    ],
)
def test_a_call_takes_the_address_of_a_room_and_that_of_any_other_stream_as_it_is(text: str, meant: Stream) -> None:
    assert read_stream(text) == meant


def test_a_call_takes_the_address_of_a_server_as_url() -> None:
    assert read_server("https://h/conf") == Stream("wss://h/conf/twilio/stream")
    assert read_server("wss://bot/media") == Stream("wss://bot/media")


def test_the_environment_names_the_server_of_those_who_name_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONFERENCE_URL", "https://talk.example.org/")
    assert addresses.default_address() == RoomAddress("https://talk.example.org")
    monkeypatch.setenv("CONFERENCE_URL", "ftp://x")
    with pytest.raises(argparse.ArgumentTypeError, match=r"\$CONFERENCE_URL: 'ftp://x' is not the address"):
        addresses.default_address()


def complaint(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command says of arguments that make no sense."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ("join", "--room", "http://h/join/tea"),
        ("call", "--room", "http://h/join/tea"),
        ("load", "--room", "http://h/join/tea"),
        ("token", "--room", "http://h/join/tea"),
        ("mute", "--room", "http://h/join/tea", "Amy"),
    ],
)
def test_an_address_where_a_room_is_asked_for_is_told_to_be_one(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    said = complaint(capsys, *arguments)
    assert "'http://h/join/tea' is an address, and the name of a room is asked for: the room in it is 'tea'" in said
    assert len(said.splitlines()) == 1


def test_a_room_where_an_address_is_asked_for_is_told_to_be_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert "if it is the room, say --room tea" in complaint(capsys, "join", "tea")


def test_a_call_to_what_may_be_a_room_says_so_when_there_is_no_such_server(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreachable(_: PhoneCall, __: object) -> None:
        raise CallError("ws://tea/twilio/stream cannot be reached: there is no such host.")

    monkeypatch.setattr(PhoneCall, "place", unreachable)
    assert main(["call", "tea"]) == 1
    assert capsys.readouterr().err.endswith("there is no such host. If 'tea' is the room, say --room tea.\n")
    assert main(["call", "tea:8080"]) == 1
    assert capsys.readouterr().err.endswith("there is no such host.\n")


def test_so_does_a_load_test() -> None:
    parser = argparse.ArgumentParser()
    load.add_parser(parser.add_subparsers())
    assert load.hint_of(parser.parse_args(["load", "tea"])) == " If 'tea' is the room, say --room tea."
    for arguments in (["load", "tea", "--room", "milk"], ["load", "http://tea"], ["load"]):
        assert load.hint_of(parser.parse_args(arguments)) == ""


@pytest.mark.parametrize("command", ["join", "call"])
def test_a_room_that_is_named_nowhere_is_missing(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "a room is missing" in complaint(capsys, command)


@pytest.mark.parametrize("command", ["join", "call", "load"])
def test_two_rooms_contradict_each_other(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = complaint(capsys, command, "http://127.0.0.1:1/join/tea", "--room", "milk")
    assert "the address is of room tea, and --room says milk" in said


def test_a_load_test_goes_into_the_room_that_is_named() -> None:
    parser = argparse.ArgumentParser()
    load.add_parser(parser.add_subparsers())
    for arguments in (["http://h:1/join/tea"], ["--url", "ws://h:1", "--room", "tea"], ["h:1", "--room", "tea"]):
        plan = load.make_plan(parser.parse_args(["load", *arguments, "--participants", "6"]))
        assert (plan.setup.url, {one.room for one in plan.profile.members(0)}) == ("http://h:1", {"tea"})
    with pytest.raises(ValueError, match="not both"):
        load.make_plan(parser.parse_args(["load", "h:1", "--room", "tea", "--rooms", "2"]))


def test_a_token_takes_the_room_from_the_address(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONFERENCE_SECRET", "0123456789abcdef0123456789abcdef")
    assert main(["token", "--url", "https://h/join/tea"]) == 0
    assert capsys.readouterr().out.startswith("https://h/join/tea#token=")
    assert main(["token", "--url", "https://h", "--room", "tea"]) == 0
    link = capsys.readouterr().out.strip()
    assert link.startswith("https://h/join/tea#token=")
    assert read_address(link).token == link.partition("#token=")[2]
    assert "for all" in complaint(capsys, "token", "--url", "https://h")
