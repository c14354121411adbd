from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.room.events import LevelsMeasured, MessageSent
from conference.room.policy import Lobby, RoomPolicy
from conference.web.api.shapes import participant_json, policy_json
from conference.web.events.entry import Entry
from conference.web.events.sse import Subscription
from conference.web.events.views import Reader, audience_of
from conference.web.http.problems import Problem
from tests.web.hall import Client, Hall, parse

PEOPLE = ("amy", "ben", "cat")
READERS = {
    "moderator": Reader(moderates=True),
    "amy": Reader(participant_id="amy"),
    "ben": Reader(identity="ben@example.org"),
    "stranger": Reader(),
}
FOR_ALL_TIME = 10_000
LOBBIES: tuple[Lobby, ...] = ("off", "host", "admit")

ACTIONS = st.one_of(
    st.tuples(
        st.sampled_from(["join", "join", "join as host", "leave", "mute", "talk", "admit", "promote", "remove"]),
        st.sampled_from(PEOPLE),
    ),
    st.tuples(st.just("lobby"), st.sampled_from(LOBBIES)),
    st.tuples(st.sampled_from(["write", "write", "levels", "age", "mute all", "admit all", "end"]), st.none()),
    st.tuples(st.sampled_from(["connect", "read"]), st.sampled_from(sorted(READERS))),
    st.tuples(st.just("lose"), st.tuples(st.sampled_from(sorted(READERS)), st.integers(0, 5))),
)


class Play:
    """A room in which anything happens, and readers whose connections break."""

    def __init__(self, size: int, lobby: Lobby = "off", *, batches: bool = False) -> None:
        self.batches = batches
        self.hall = Hall(RoomPolicy(lobby=lobby), size=size)
        self.clients = {name: Client() for name in READERS}
        self.streams: dict[str, Subscription] = {}
        self.written: list[str] = []
        self.may_read: dict[str, set[str]] = {name: set() for name in READERS}
        self.join("amy")
        for name in READERS:
            self.connect(name)
            self.read(name)

    def act(self, action: str, what: Any) -> None:
        match action:
            case "connect":
                self.connect(what)
            case "read":
                self.read(what)
            case "lose":
                self.lose(*what)
            case "age":
                self.hall.now += 100
            case "levels" if self.hall.conference.get("tea") is not None:
                self.hall.conference._publish("tea", LevelsMeasured("tea", {"amy": -10.0}))
            case "join" | "join as host":
                self.join(what, host=action == "join as host")
            case _:
                self.in_room(action, what)

    def in_room(self, action: str, what: Any) -> None:  # noqa: C901 - an arm for each action
        room = self.hall.conference.get("tea")
        if room is None or (what in PEOPLE and what not in room.participants):
            return
        match action:
            case "leave":
                self.hall.leave(what)
            case "remove":
                self.hall.conference.dismiss("tea", what, "removed", by="Host")
            case "mute":
                room.set_muted(what, not room.participants[what].muted, by="Host")
            case "talk" if room.participants[what].may_be_heard:
                room._set_talking(room.participants[what], talking=not room.participants[what].talking)
            case "admit":
                room.admit([what], by="Host")
            case "promote" if not room.participants[what].waiting:
                room.set_role(what, "speaker" if room.participants[what].role == "host" else "host", by="Host")
            case "lobby":
                room.set_policy(replace(room.policy, lobby=what))
            case "write":
                self.write()
            case "mute all":
                room.mute_all((), by="Host")
            case "admit all":
                room.admit_all(by="Host")
            case "end":
                self.hall.conference.end("tea", "It is over.", by="Host")

    def write(self) -> None:
        room = self.hall.room
        text = f"message {len(self.written)}"
        self.written.append(text)
        inside = {one.id for one in room.participants.values() if not one.waiting}
        outside = {one.id for one in room.participants.values() if one.waiting}
        for name in READERS:
            if name == "moderator" or name in inside or (room.policy.lobby == "off" and name not in outside - {"ben"}):
                self.may_read[name].add(text)
        room.send_message(None, "Host", text, 0.0)

    def join(self, who: str, *, host: bool = False) -> None:
        room = self.hall.conference.get("tea")
        if room is None or who not in room.participants:
            self.hall.join(who, role="host" if host else "speaker", identity=f"{who}@example.org")

    def connect(self, name: str) -> None:
        if name in self.streams:
            return
        try:
            reader = replace(READERS[name], batches=self.batches)
            self.streams[name] = self.hall.feeds.subscribe("tea", reader, self.clients[name].last_id)
        except Problem:
            assert self.hall.conference.get("tea") is None
            self.clients[name] = Client()

    def read(self, name: str) -> None:
        if name in self.streams:
            self.clients[name].take(parse(self.streams[name].take()))
            if self.streams[name].over:
                self.lose(name, 0)

    def lose(self, name: str, after: int) -> None:
        """The connection breaks after some of what was on its way."""
        stream = self.streams.pop(name, None)
        if stream is not None:
            self.clients[name].take(parse(stream.take())[:after])
            self.hall.feeds.unsubscribe("tea", stream)

    def moderates(self, name: str) -> bool:
        """Whether a reader may moderate now; ben has no seat."""
        seated = self.hall.room.participants.get(name) if name != "ben" else None
        return name == "moderator" or (seated is not None and seated.role == "host")

    def expected(self, name: str) -> dict[str, Any]:
        """The people whom a reader sees now."""
        room = self.hall.conference.get("tea")
        if room is None:
            return {}
        people = {one.id: one for one in room.participants.values()}
        is_open = room.policy.lobby == "off"
        inside = is_open
        if name in people:
            inside = not people[name].waiting or (is_open and name == "ben")  # ben has no seat
        seen = people if name == "moderator" or inside else {who: one for who, one in people.items() if who == name}
        return {who: participant_json(one.state()) for who, one in seen.items()}


@given(
    size=st.integers(1, 8) | st.just(FOR_ALL_TIME),
    lobby=st.sampled_from(LOBBIES),
    actions=st.lists(ACTIONS, min_size=15, max_size=80),
    batches=st.booleans(),
)
def test_everybody_knows_all_that_they_may_know_however_often_they_lose_the_stream(
    size: int, lobby: Lobby, actions: list[tuple[str, Any]], batches: bool
) -> None:
    play = Play(size, lobby, batches=batches)
    for action, what in actions:
        play.act(action, what)
    for name, client in play.clients.items():
        play.connect(name)
        if name not in play.streams:
            continue
        play.read(name)
        if name not in play.streams:  # they were shown out
            continue
        assert play.clients[name] is client
        room = play.hall.conference.get("tea")
        if room is None:
            assert name not in client.people
        else:
            assert client.people == play.expected(name)
            assert client.policy == policy_json(room.policy, moderating=play.moderates(name))
        assert len(set(client.messages)) == len(client.messages)
        assert set(client.messages) <= play.may_read[name]
        assert client.messages == sorted(client.messages, key=play.written.index)
    history = play.hall.journal.history("tea")
    if history is not None and play.hall.conference.get("tea") is not None:
        assert history.audience == audience_of(play.hall.room)
    if not batches:  # whose numbers leave out those of whom they tell together
        assert play.clients["moderator"].gaps == 0


@given(actions=st.lists(ACTIONS, min_size=15, max_size=80))
def test_with_a_long_memory_a_moderator_reads_every_message_exactly_once(actions: list[tuple[str, Any]]) -> None:
    play = Play(FOR_ALL_TIME)
    begun: list[Entry] = []
    play.hall.journal.follow(lambda entry: begun.append(entry) if entry.begins else None)
    for action, what in actions:
        if action != "age":
            play.act(action, what)
    play.connect("moderator")
    play.read("moderator")
    client = play.clients["moderator"]
    assert client.messages == play.written
    assert (client.snapshots, client.gaps) == (1 + len(begun), 0)


def told(hall: Hall, reader: Reader, last_id: str | None = None) -> list[str]:
    return [one.name for one in parse(hall.feeds.subscribe("tea", reader, last_id).take())]


def test_an_id_that_is_unknown_or_too_old_gives_a_snapshot() -> None:
    hall = Hall(size=3)
    hall.join("amy")
    [snapshot] = parse(hall.feeds.subscribe("tea", Reader()).take())
    first = snapshot.id
    assert first is not None
    history, number = first.split("-")
    assert told(hall, Reader(), first) == []
    for turn in range(3):
        hall.room.send_message(None, "Amy", str(turn), 0.0)
    assert told(hall, Reader(), first) == ["message"] * 3
    hall.room.send_message(None, "Amy", "one more", 0.0)
    for unknown in (
        first,
        f"{history}-99",
        f"{history}-",
        f"{history}-x",
        f"{history}-²",
        f"elsewhere-{number}",
        "-",
        "é",
    ):
        assert told(hall, Reader(), unknown) == ["room"]


@given(st.text(max_size=40))
def test_any_text_may_be_given_as_an_id(text: str) -> None:
    hall = Hall()
    hall.join("amy")
    assert told(hall, Reader(), text) == ["room"]


def test_the_ids_of_rooms_of_one_name_differ_when_the_first_is_forgotten() -> None:
    hall = Hall(keep=60)
    hall.join("amy")
    history = hall.journal.history("tea")
    assert history is not None
    before = history.last_id
    hall.leave("amy")
    hall.now = 59.9
    assert told(hall, Reader(), before) == ["participant.left"]
    hall.now = 60.1
    with pytest.raises(Problem):
        hall.feeds.subscribe("tea", Reader(), before)
    hall.join("amy")
    assert told(hall, Reader(), before) == ["room"]


def test_only_so_many_rooms_that_are_gone_are_remembered() -> None:
    hall = Hall(keep_rooms=2)
    for room in ("tea", "milk", "water"):
        hall.join("amy", room=room)
        hall.conference.leave(room, "amy", "left")
    assert [hall.journal.history(room) is not None for room in ("tea", "milk", "water")] == [False, True, True]


def test_a_room_that_comes_back_is_remembered_as_one_that_is_there() -> None:
    hall = Hall(keep=60)
    hall.join("amy")
    hall.leave("amy")
    hall.join("ben")
    hall.now = 1000
    history = hall.journal.history("tea")
    assert history is not None
    assert history.last_id.endswith("-3")


def test_a_follower_that_fails_takes_nothing_from_the_others() -> None:
    hall = Hall()
    seen: list[str] = []

    def fail(_: object) -> None:
        raise RuntimeError

    hall.journal.follow(fail)
    hall.journal.follow(lambda entry: seen.append(entry.event_id(entry.last)))
    hall.join("amy")
    assert len(seen) == 1


def test_what_an_event_causes_is_told_after_it() -> None:
    hall = Hall()
    seen: list[str] = []

    def answer(event: object) -> None:
        if isinstance(event, MessageSent) and event.text == "Hello?":
            hall.room.send_message(None, "Bot", "Hello!", 0.0)

    hall.join("amy")
    hall.conference._subscribers[None].insert(0, answer)  # before everybody else
    hall.conference.subscribe("tea", lambda event: seen.append(getattr(event, "text", "")))
    hall.room.send_message(None, "Amy", "Hello?", 0.0)
    assert seen == ["Hello?", "Hello!"]


def test_somebody_who_waits_sees_themselves_and_after_that_the_room() -> None:
    hall = Hall(RoomPolicy(lobby="admit", pin="2468"))
    hall.join("amy", role="host")
    hall.join("ben")
    hall.room.rename("amy", "Amy Pond")
    waiting = hall.feeds.subscribe("tea", Reader(participant_id="ben"))
    [snapshot] = parse(waiting.take())
    assert [one["id"] for one in snapshot.data["participants"]] == ["ben"]
    assert "pin" not in snapshot.data["policy"]
    hall.room.send_message("amy", "Amy", "Who is that?", 0.0)
    hall.room.set_gain("amy", "ben", 0.5)
    hall.join("cat")
    hall.conference._publish("tea", LevelsMeasured("tea", {"amy": -10.0}))
    hall.room._set_talking(hall.room.participants["amy"], talking=True)
    assert waiting.take() == b""
    hall.room.rename("ben", "Benjamin", by="Amy")
    assert [one.data["participant"]["name"] for one in parse(waiting.take())] == ["Benjamin"]
    hall.room.admit(["ben"], by="Amy")
    [snapshot] = parse(waiting.take())
    assert [one["id"] for one in snapshot.data["participants"]] == ["amy", "ben", "cat"]
    assert snapshot.data["hearing"] == []
    hall.room.send_message("amy", "Amy", "Hello", 0.0)
    assert [one.name for one in parse(waiting.take())] == ["message"]


def test_nobody_but_who_moderates_learns_who_hears_whom() -> None:
    hall = Hall()
    hall.join("amy", role="host")
    hall.join("ben")
    history = hall.journal.history("tea")
    assert history is not None
    before = history.last_id
    amy, ben = Reader(moderates=True, participant_id="amy"), Reader(participant_id="ben")
    streams = [hall.feeds.subscribe("tea", one) for one in (amy, ben)]
    hall.room.whisper("amy", ["ben"], by="Amy")
    assert [[one.name for one in parse(stream.take())] for stream in streams] == [["room", "hearing.changed"], ["room"]]
    assert [told(hall, one, before) for one in (amy, ben)] == [["hearing.changed"], []]
    shown = [parse(hall.feeds.subscribe("tea", one).take())[0].data["hearing"] for one in (amy, ben)]
    assert [len(one) for one in shown] == [2, 0]


def test_whoever_was_made_a_host_meanwhile_or_is_one_no_more_begins_anew() -> None:
    hall = Hall()
    hall.join("amy", role="host")
    hall.join("ben")
    ben = Reader(participant_id="ben")
    [snapshot] = parse(hall.feeds.subscribe("tea", ben).take())
    hall.room.whisper("amy", ["ben"])
    hall.room.set_role("ben", "host")
    [anew] = parse(hall.feeds.subscribe("tea", ben, snapshot.id).take())
    assert len(anew.data["hearing"]) == 2
    hall.room.speak_up("amy")
    hall.room.set_role("ben", "speaker")
    hall.room.whisper("amy", ["ben"])
    [less] = parse(hall.feeds.subscribe("tea", ben, anew.id).take())
    assert (less.name, less.data["hearing"]) == ("room", [])


def test_nobody_reads_back_what_was_said_before_they_were_let_in() -> None:
    hall = Hall(RoomPolicy(lobby="admit"))
    hall.join("amy", role="host")
    history = hall.journal.history("tea")
    assert history is not None
    before = history.last_id
    hall.room.send_message("amy", "Amy", "a secret", 0.0)
    hall.join("ben")
    hall.room.admit(["ben"])
    assert told(hall, Reader(participant_id="ben"), before) == ["room"]
    assert told(hall, Reader(participant_id="amy"), before) == ["message", "participant.joined", "participant.updated"]


def test_whoever_is_removed_is_told_so_and_nothing_more() -> None:
    hall = Hall()
    hall.join("amy")
    hall.join("ben")
    stream = hall.feeds.subscribe("tea", Reader(moderates=True, participant_id="ben"))
    stream.take()
    hall.conference.dismiss("tea", "ben", "removed", by="Amy")
    hall.room.send_message("amy", "Amy", "They are gone.", 0.0)
    [left] = parse(stream.take())
    assert (left.name, left.data["departure"], left.data["by"]) == ("participant.left", "removed", "Amy")
    assert stream.over


@pytest.mark.parametrize("reader", [Reader(True, "ben"), Reader(False, "ben", "amy@example.org")])
def test_whoever_is_removed_from_the_lobby_is_told_so_and_nothing_more_whatever_else_they_may(reader: Reader) -> None:
    hall = Hall(RoomPolicy(lobby="admit"))
    hall.join("amy", role="host", identity="amy@example.org")
    hall.join("ben")
    stream = hall.feeds.subscribe("tea", reader)
    stream.take()
    hall.conference.dismiss("tea", "ben", "removed", by="Amy")
    hall.room.send_message("amy", "Amy", "They are gone.", 0.0)
    [left] = parse(stream.take())
    assert (left.name, left.data["departure"]) == ("participant.left", "removed")
    assert stream.over


def test_the_last_one_who_leaves_in_the_middle_of_a_word_is_told_to_have_left() -> None:
    hall = Hall()
    hall.join("amy").talking = True
    stream = hall.feeds.subscribe("tea", Reader(participant_id="amy"))
    stream.take()
    hall.conference.end("tea", "over", by="Ben")
    stopped, left = parse(stream.take())
    assert stopped.name == "talking.stopped"
    assert (left.name, left.data["departure"], left.data["by"]) == ("participant.left", "ended", "Ben")


def test_a_room_that_begins_again_is_told_with_a_snapshot_since_its_policy_is_a_new_one() -> None:
    hall = Hall()
    hall.join("amy")
    stream = hall.feeds.subscribe("tea", Reader(moderates=True))
    [snapshot] = parse(stream.take())
    hall.room.set_policy(RoomPolicy(locked=True, pin="2468"))
    hall.leave("amy")
    hall.join("ben")
    for told_now in (stream.take(), hall.feeds.subscribe("tea", Reader(moderates=True), snapshot.id).take()):
        _, left, begun = parse(told_now)
        assert (left.name, begun.name) == ("participant.left", "room")
        assert [one["id"] for one in begun.data["participants"]] == ["ben"]
        assert (begun.data["policy"]["locked"], begun.data["policy"]["pin"]) == (False, None)
