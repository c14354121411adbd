"""``conference rooms``, ``participants``, ``mute``, ``dial`` and so on: what hosts do every day, from a terminal."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, get_args

from conference.access.grants import ROLES
from conference.cli.addresses import RoomAddress, default_address, read_address, room_name
from conference.cli.api import HINT, add_server_options
from conference.cli.people import listed, pick, state_of
from conference.cli.terminal.arguments import Complain, add_parameter_option, find_token, words
from conference.cli.terminal.tables import render
from conference.client.api import Api, ApiError, ServerAccess, address
from conference.telephony.twilio_account import MachineDetection

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a command."""

    text: str
    """For people."""

    answer: Any = None
    """For programs, as JSON."""


Work: TypeAlias = Callable[[Api, argparse.Namespace], Awaitable[Outcome]]


async def _rooms(api: Api, args: argparse.Namespace) -> Outcome:
    del args
    answer = await api.get("/rooms")
    rows = [(one["name"], str(one["participants"]), _since(one["created_at"])) for one in answer["rooms"]]
    return Outcome(render(("room", "people", "for"), rows) if rows else "Nobody is in any room.", answer)


async def _participants(api: Api, args: argparse.Namespace) -> Outcome:
    answer = await api.get(address("rooms", args.room))
    rows = [
        (one["name"], one["role"], state_of(one), one["transport"], _since(one["joined_at"]), one["id"])
        for one in answer["participants"]
    ]
    policy = answer["policy"]
    notes = ["locked"] * policy["locked"] + [f"lobby: {policy['lobby']}"] * (policy["lobby"] != "off")
    notes += ["has a PIN"] * policy["has_pin"]
    table = render(("name", "role", "state", "by", "for", "id"), rows)
    return Outcome(table + (f"\n\nRoom {args.room}: {', '.join(notes)}." if notes else ""), answer)


async def _mute(api: Api, args: argparse.Namespace) -> Outcome:
    if not args.all:
        return await _change(api, args, "Muted", muted=True)
    answer = await api.ask("POST", address("rooms", args.room, "mute"))
    return Outcome(f"Muted {len(answer['muted'])} people, all but hosts.", answer)


async def _unmute(api: Api, args: argparse.Namespace) -> Outcome:
    if not args.ask:
        return await _change(api, args, "Unmuted", muted=False)
    return await _each(api, args, "Asked to unmute:", "POST", "unmute-request")


async def _kick(api: Api, args: argparse.Namespace) -> Outcome:
    return await _each(api, args, "Removed", "DELETE")


async def _hold(api: Api, args: argparse.Namespace) -> Outcome:
    return await _change(api, args, "Back from hold:" if args.off else "On hold:", held=not args.off)


async def _admit(api: Api, args: argparse.Namespace) -> Outcome:
    if not args.all:
        return await _change(api, args, "Admitted", waiting=False)
    await api.ask("POST", address("rooms", args.room, "admit"))
    return Outcome("Admitted all who were waiting.")


async def _lock(api: Api, args: argparse.Namespace) -> Outcome:
    answer = await api.patch(address("rooms", args.room), locked=True)
    return Outcome(f"Room {args.room} is locked: nobody but hosts comes in any more.", answer)


async def _unlock(api: Api, args: argparse.Namespace) -> Outcome:
    answer = await api.patch(address("rooms", args.room), locked=False)
    return Outcome(f"Room {args.room} is open.", answer)


async def _end(api: Api, args: argparse.Namespace) -> Outcome:
    await api.ask("DELETE", address("rooms", args.room))
    return Outcome(f"The conference in room {args.room} is over.")


async def _say(api: Api, args: argparse.Namespace) -> Outcome:
    await api.ask("POST", address("rooms", args.room, "messages"), {"text": " ".join(args.who)})
    return Outcome(f"Sent to everybody in room {args.room}.")


async def _dial(api: Api, args: argparse.Namespace) -> Outcome:
    if len(args.who) > 1:
        raise ApiError("call one at a time: name one address or number after the room.")
    where = args.who[0]
    kind = "to" if where.startswith("+") else "webhook" if where.startswith(("http://", "https://")) else "url"
    call = {
        kind: where,
        "name": args.name,
        "role": args.role,
        "parameters": dict(args.param) or None,
        "dtmf": args.dtmf or None,
        "caller_id": args.caller_id,
        "ring_seconds": args.ring_seconds,
        "machine_detection": args.machine_detection,
    }
    wanted = {key: value for key, value in call.items() if value is not None}
    answer = await api.ask("POST", address("rooms", args.room, "calls"), wanted)
    return Outcome(f"Calling {answer['name']} into room {args.room}, as participant {answer['id']}.", answer)


async def _recordings(api: Api, args: argparse.Namespace) -> Outcome:
    del args
    answer = await api.get("/recordings")
    rows = [
        (one["id"], one["room"], one["state"], _ago(one["started_at"]), _length(one["seconds"]), _size(one["bytes"]))
        for one in answer["recordings"]
    ]
    return Outcome(render(("id", "room", "state", "began", "length", "size"), rows) if rows else "Nothing.", answer)


async def _record(api: Api, args: argparse.Namespace) -> Outcome:
    if not args.to:
        answer = await api.ask("POST", address("rooms", args.room, "recordings"), {})
        return Outcome(f"Room {args.room} is being recorded: {answer['id']}.", answer)
    room = await api.get(address("rooms", args.room))
    if room["recording"] is None:
        raise ApiError(f"room {args.room} is not being recorded.")
    answer = await api.patch(address("recordings", room["recording"]["id"]), state=args.to)
    done = {"stopped": "has been stopped", "paused": "is paused", "recording": "goes on"}[args.to]
    return Outcome(f"The recording of room {args.room} {done}: {answer['id']}.", answer)


@dataclass(frozen=True, slots=True)
class Command:
    """One command."""

    work: Work
    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]


def _on_server(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("place", metavar="URL", nargs="?", type=words, help="the server's address; --url does the same")


def _in_room(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "place", metavar="ROOM", nargs="?", type=words,
        help="the room's name, or an address that names it; --room, or a --url that names it, does the same",
    )  # fmt: skip
    parser.add_argument("--room", metavar="ROOM", dest="room_option", type=room_name, help="the room's name")


def _some(parser: argparse.ArgumentParser) -> None:
    _in_room(parser)
    parser.add_argument("who", metavar="WHO", nargs="*", default=[], help="names or ids of participants")


def _some_or_all(parser: argparse.ArgumentParser) -> None:
    _in_room(parser)
    parser.add_argument("who", metavar="WHO", nargs="*", default=[], help="names or ids of participants")
    parser.add_argument("--all", action="store_true", help="everybody")


def _some_to_unmute(parser: argparse.ArgumentParser) -> None:
    _some(parser)
    parser.add_argument("--ask", action="store_true", help="only ask them to: they unmute themselves, or do not")


def _some_to_hold(parser: argparse.ArgumentParser) -> None:
    _some(parser)
    parser.add_argument("--off", action="store_true", help="take them back")


def _something_to_say(parser: argparse.ArgumentParser) -> None:
    _in_room(parser)
    parser.add_argument("who", metavar="TEXT", type=words, nargs="*", default=[], help="what to write")


def _somebody_to_call(parser: argparse.ArgumentParser) -> None:
    _in_room(parser)
    parser.add_argument(
        "who",
        metavar="WHERE",
        nargs="*",
        default=[],
        help="a bot's address: wss://…, its voice webhook: https://…, or a telephone's number: +15551234567",
    )
    parser.add_argument(
        "--name", metavar="NAME", type=words, help="what the others see (default: the host's name, or the number)"
    )
    parser.add_argument("--role", choices=ROLES, help="as what they join (default: speaker)")
    add_parameter_option(parser)
    parser.add_argument("--dtmf", action="store_true", help="tell a bot of the keys that callers in the room press")
    parser.add_argument("--caller-id", metavar="NUMBER", help="what a telephone shows, if the server has several")
    parser.add_argument("--ring-seconds", metavar="SECONDS", type=int, help="how long a telephone rings")
    parser.add_argument(
        "--machine-detection", choices=get_args(MachineDetection), help="what is done if a machine answers a telephone"
    )


def _room_to_record(parser: argparse.ArgumentParser) -> None:
    _in_room(parser)
    to = parser.add_mutually_exclusive_group()
    to.add_argument("--stop", dest="to", action="store_const", const="stopped", help="end the recording")
    to.add_argument("--pause", dest="to", action="store_const", const="paused", help="keep nothing for a while")
    to.add_argument("--resume", dest="to", action="store_const", const="recording", help="go on after a pause")


async def _nodes(api: Api, args: argparse.Namespace) -> Outcome:
    del args
    answer = await api.get("/nodes")
    rows = [
        (one["id"], one["url"], str(one["participants"]), str(one["rooms"]), f"{100 * one['load']:.0f} %",
         "takes nobody new" if one["draining"] else "")
        for one in answer["nodes"]
    ]  # fmt: skip
    alone = "The server is one process by itself: it has no nodes."
    return Outcome(render(("node", "address", "people", "rooms", "load", ""), rows) if rows else alone, answer)


COMMANDS: dict[str, Command] = {
    "rooms": Command(_rooms, "list the rooms, and how many are in each", _on_server),
    "participants": Command(_participants, "list who is in a room", _in_room),
    "mute": Command(_mute, "mute people, or everybody but hosts", _some_or_all),
    "unmute": Command(_unmute, "unmute people, or ask them to", _some_to_unmute),
    "kick": Command(_kick, "remove people from a room", _some),
    "hold": Command(_hold, "put people on hold, or take them back", _some_to_hold),
    "admit": Command(_admit, "let people in from the lobby", _some_or_all),
    "lock": Command(_lock, "let nobody but hosts into a room any more", _in_room),
    "unlock": Command(_unlock, "let people into a room again", _in_room),
    "end": Command(_end, "send everybody in a room home", _in_room),
    "dial": Command(_dial, "call a bot or a telephone into a room", _somebody_to_call),
    "nodes": Command(_nodes, "list the processes that are one conference", _on_server),
    "record": Command(_record, "record a room, or pause or end its recording", _room_to_record),
    "recordings": Command(_recordings, "list the recordings that there are", _on_server),
    "say": Command(_say, "write to everybody in a room", _something_to_say),
}


def add_parser(subparsers: Subparsers) -> None:
    """Add the commands to a parser."""
    for name, command in COMMANDS.items():
        parser = subparsers.add_parser(name, help=command.help, description=_sentence(command.help))
        command.add_arguments(parser)
        add_server_options(parser)
        parser.set_defaults(complain=parser.error)


def run(args: argparse.Namespace) -> int:
    """Do what was meant, and say what came of it; 0, or 1 with a sentence on standard error."""
    place = find_place(args)
    try:
        if getattr(args, "all", None) is not None and args.all == bool(args.who):
            raise ApiError("name people, or give --all: one of the two.")
        outcome = asyncio.run(_do(COMMANDS[args.command].work, args, place))
    except ApiError as error:
        print(f"conference {args.command}: {error}", file=sys.stderr)
        return 1
    if args.json:
        print(json.dumps(outcome.answer, indent=2))
    else:
        print(outcome.text)
    return 0


async def _do(work: Work, args: argparse.Namespace, place: ServerAccess) -> Outcome:
    async with Api(place, HINT) as api:
        return await work(api, args)


def find_place(args: argparse.Namespace) -> ServerAccess:
    """The server that was meant.

    Args:
        args: of a command. Which room, and who, is then in it: a room that an option names needs none among the words,
            so that the first of these is somebody, too.
    """
    complain: Complain = args.complain
    words_given = [] if args.place is None else [args.place]
    given: RoomAddress | None = args.address_option
    in_room = hasattr(args, "room_option")  # the others are about the server
    room: str | None = args.room_option if in_room else None
    try:
        for one in getattr(args, "who", []):
            words(one)
        called = args.command == "dial" and args.place is not None and args.place.startswith(("ws://", "wss://"))
        if words_given and not called and (not in_room or "://" in args.place):
            if given is not None:
                complain("two addresses are given: give one")
            given = read_address(args.place)
            words_given = []
        if given is not None and given.room is not None:
            if room is not None and room != given.room:
                complain(f"the address is of room {given.room}, and --room says {room}: give one of the two")
            room = given.room
        server = given or default_address()
        if in_room:
            _settle(args, room, words_given)
    except argparse.ArgumentTypeError as error:
        complain(str(error))
    return ServerAccess(server.server, find_token(args.token, server.token, complain), verify=not args.insecure)


def _settle(args: argparse.Namespace, room: str | None, words_given: list[str]) -> None:
    """Say which room was meant, and who.

    Args:
        args: of a command; ``room`` and ``who`` are set in it.
        room: what an option or an address has named; ``None`` if the first word does.
        words_given: the first word, if it is no address.

    Raises:
        argparse.ArgumentTypeError: what should be a room is none.
    """
    takes_words = hasattr(args, "who")
    if room is None and words_given:
        args.room = room_name(words_given[0])
    elif room is None:
        args.complain("a room is missing: name it, or give --room")
    else:
        args.room = room
        if words_given and words_given[0] != room:  # else it is the room, once more
            if not takes_words:
                args.complain(f"two rooms are named, {room} and {words_given[0]}: name one")
            args.who = [*words_given, *args.who]
    if takes_words and not args.who and not hasattr(args, "all"):
        missing = {"say": "words are", "dial": "whom to call is"}.get(args.command, "people are")
        args.complain(f"{missing} missing: name {'it' if args.command == 'dial' else 'them'} after the room")


async def _change(api: Api, args: argparse.Namespace, done: str, **changes: Any) -> Outcome:
    """Change the same about everybody who is meant."""
    chosen = await _chosen(api, args)
    answers = [await api.patch(address("rooms", args.room, "participants", one["id"]), **changes) for one in chosen]
    return _done(done, chosen, answers)


async def _each(api: Api, args: argparse.Namespace, done: str, method: str, *below: str) -> Outcome:
    """Ask the same about everybody who is meant."""
    chosen = await _chosen(api, args)
    for one in chosen:
        await api.ask(method, address("rooms", args.room, "participants", one["id"], *below))
    return _done(done, chosen, [one["id"] for one in chosen])


async def _chosen(api: Api, args: argparse.Namespace) -> list[dict[str, Any]]:
    room = await api.get(address("rooms", args.room))
    return pick(room["participants"], args.who, args.room)


def _done(done: str, chosen: list[dict[str, Any]], answers: list[Any]) -> Outcome:
    return Outcome(f"{done} {listed([one['name'] for one in chosen])}.", answers)


def _since(moment: float) -> str:
    return _length(time.time() - moment)


def _ago(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))


def _size(count: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"


def _length(seconds: float) -> str:
    seconds = max(0, round(seconds))
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."
