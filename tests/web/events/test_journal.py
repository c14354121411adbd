from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.room.events import LevelsMeasured, MessageSent, TransferUpdated
from conference.room.policy import Lobby, RoomPolicy
from conference.room.transferred import TransferSnapshot
from conference.web.events.channel import Subscription
from conference.web.events.journal_entry import JournalEntry
from conference.web.events.views import Viewer, visibility_of
from conference.web.http.problems import Problem
from conference.web.schemas.room_json import participant_json, policy_json
from tests.web.followed import Client, FollowedConference, parse

PEOPLE = ("amy", "ben", "cat")
READERS = {
    "moderator": Viewer(moderates=True),
    "amy": Viewer(participant_id="amy"),
    "ben": Viewer(identity="ben@example.org"),
    "stranger": Viewer(),
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
        self.followed = FollowedConference(RoomPolicy(lobby=lobby), size=size)
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
                self.followed.now += 100
            case "levels" if self.followed.conference.get("tea") is not None:
                self.followed.conference._publish("tea", LevelsMeasured("tea", {"amy": -10.0}))
            case "join" | "join as host":
                self.join(what, host=action == "join as host")
            case _:
                self.in_room(action, what)

    def in_room(self, action: str, what: Any) -> None:  # noqa: C901 - an arm for each action
        room = self.followed.conference.get("tea")
        if room is None or (what in PEOPLE and what not in room.participants):
            return
        match action:
            case "leave":
                self.followed.leave(what)
            case "remove":
                self.followed.conference.dismiss("tea", what, "removed", by="Host")
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
                self.followed.conference.end("tea", "It is over.", by="Host")

    def write(self) -> None:
        room = self.followed.room
        text = f"message {len(self.written)}"
        self.written.append(text)
        inside = {one.id for one in room.participants.values() if not one.waiting}
        outside = {one.id for one in room.participants.values() if one.waiting}
        for name in READERS:
            if name == "moderator" or name in inside or (room.policy.lobby == "off" and name not in outside - {"ben"}):
                self.may_read[name].add(text)
        room.send_message(None, "Host", text, 0.0)

    def join(self, who: str, *, host: bool = False) -> None:
        room = self.followed.conference.get("tea")
        if room is None or who not in room.participants:
            self.followed.join(who, role="host" if host else "speaker", identity=f"{who}@example.org")

    def connect(self, name: str) -> None:
        if name in self.streams:
            return
        try:
            viewer = replace(READERS[name], batches=self.batches)
            self.streams[name] = self.followed.feeds.subscribe("tea", viewer, self.clients[name].last_id)
        except Problem:
            assert self.followed.conference.get("tea") is None
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
            self.followed.feeds.unsubscribe("tea", stream)

    def moderates(self, name: str) -> bool:
        """Whether a viewer may moderate now; ben has no seat."""
        seated = self.followed.room.participants.get(name) if name != "ben" else None
        return name == "moderator" or (seated is not None and seated.role == "host")

    def expected(self, name: str) -> dict[str, Any]:
        """The people whom a viewer sees now."""
        room = self.followed.conference.get("tea")
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
        room = play.followed.conference.get("tea")
        if room is None:
            assert name not in client.people
        else:
            assert client.people == play.expected(name)
            assert client.policy == policy_json(room.policy, moderating=play.moderates(name))
        assert len(set(client.messages)) == len(client.messages)
        assert set(client.messages) <= play.may_read[name]
        assert client.messages == sorted(client.messages, key=play.written.index)
    history = play.followed.journal.history("tea")
    if history is not None and play.followed.conference.get("tea") is not None:
        assert history.visibility == visibility_of(play.followed.room)
    if not batches:  # whose numbers leave out those of whom they tell together
        assert play.clients["moderator"].gaps == 0


@given(actions=st.lists(ACTIONS, min_size=15, max_size=80))
def test_with_a_long_memory_a_moderator_reads_every_message_exactly_once(actions: list[tuple[str, Any]]) -> None:
    play = Play(FOR_ALL_TIME)
    begun: list[JournalEntry] = []
    play.followed.journal.follow(lambda entry: begun.append(entry) if entry.begins else None)
    for action, what in actions:
        if action != "age":
            play.act(action, what)
    play.connect("moderator")
    play.read("moderator")
    client = play.clients["moderator"]
    assert client.messages == play.written
    assert (client.snapshots, client.gaps) == (1 + len(begun), 0)


def told(followed: FollowedConference, viewer: Viewer, last_id: str | None = None) -> list[str]:
    return [one.name for one in parse(followed.feeds.subscribe("tea", viewer, last_id).take())]


def test_an_id_that_is_unknown_or_too_old_gives_a_snapshot() -> None:
    followed = FollowedConference(size=3)
    followed.join("amy")
    [snapshot] = parse(followed.feeds.subscribe("tea", Viewer()).take())
    first = snapshot.id
    assert first is not None
    history, number = first.split("-")
    assert told(followed, Viewer(), first) == []
    for turn in range(3):
        followed.room.send_message(None, "Amy", str(turn), 0.0)
    assert told(followed, Viewer(), first) == ["message"] * 3
    followed.room.send_message(None, "Amy", "one more", 0.0)
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
        assert told(followed, Viewer(), unknown) == ["room"]


@given(st.text(max_size=40))
def test_any_text_may_be_given_as_an_id(text: str) -> None:
    followed = FollowedConference()
    followed.join("amy")
    assert told(followed, Viewer(), text) == ["room"]


def test_the_ids_of_rooms_of_one_name_differ_when_the_first_is_forgotten() -> None:
    followed = FollowedConference(keep=60)
    followed.join("amy")
    history = followed.journal.history("tea")
    assert history is not None
    before = history.last_id
    followed.leave("amy")
    followed.now = 59.9
    assert told(followed, Viewer(), before) == ["participant.left"]
    followed.now = 60.1
    with pytest.raises(Problem):
        followed.feeds.subscribe("tea", Viewer(), before)
    followed.join("amy")
    assert told(followed, Viewer(), before) == ["room"]


def test_only_so_many_rooms_that_are_gone_are_remembered() -> None:
    followed = FollowedConference(keep_rooms=2)
    for room in ("tea", "milk", "water"):
        followed.join("amy", room=room)
        followed.conference.leave(room, "amy", "left")
    assert [followed.journal.history(room) is not None for room in ("tea", "milk", "water")] == [False, True, True]


def test_a_room_that_comes_back_is_remembered_as_one_that_is_there() -> None:
    followed = FollowedConference(keep=60)
    followed.join("amy")
    followed.leave("amy")
    followed.join("ben")
    followed.now = 1000
    history = followed.journal.history("tea")
    assert history is not None
    assert history.last_id.endswith("-3")


def test_a_follower_that_fails_takes_nothing_from_the_others() -> None:
    followed = FollowedConference()
    seen: list[str] = []

    def fail(_: object) -> None:
        raise RuntimeError

    followed.journal.follow(fail)
    followed.journal.follow(lambda entry: seen.append(entry.event_id(entry.last)))
    followed.join("amy")
    assert len(seen) == 1


def test_what_an_event_causes_is_told_after_it() -> None:
    followed = FollowedConference()
    seen: list[str] = []

    def answer(event: object) -> None:
        if isinstance(event, MessageSent) and event.text == "Hello?":
            followed.room.send_message(None, "Bot", "Hello!", 0.0)

    followed.join("amy")
    followed.conference._subscribers[None].insert(0, answer)  # before everybody else
    followed.conference.subscribe("tea", lambda event: seen.append(getattr(event, "text", "")))
    followed.room.send_message(None, "Amy", "Hello?", 0.0)
    assert seen == ["Hello?", "Hello!"]


def test_somebody_who_waits_sees_themselves_and_after_that_the_room() -> None:
    followed = FollowedConference(RoomPolicy(lobby="admit", pin="2468"))
    followed.join("amy", role="host")
    followed.join("ben")
    followed.room.rename("amy", "Amy Pond")
    waiting = followed.feeds.subscribe("tea", Viewer(participant_id="ben"))
    [snapshot] = parse(waiting.take())
    assert [one["id"] for one in snapshot.data["participants"]] == ["ben"]
    assert "pin" not in snapshot.data["policy"]
    followed.room.send_message("amy", "Amy", "Who is that?", 0.0)
    followed.room.set_gain("amy", "ben", 0.5)
    followed.join("cat")
    followed.conference._publish("tea", LevelsMeasured("tea", {"amy": -10.0}))
    followed.room._set_talking(followed.room.participants["amy"], talking=True)
    assert waiting.take() == b""
    followed.room.rename("ben", "Benjamin", by="Amy")
    assert [one.data["participant"]["name"] for one in parse(waiting.take())] == ["Benjamin"]
    followed.room.admit(["ben"], by="Amy")
    [snapshot] = parse(waiting.take())
    assert [one["id"] for one in snapshot.data["participants"]] == ["amy", "ben", "cat"]
    assert snapshot.data["hearing"] == []
    followed.room.send_message("amy", "Amy", "Hello", 0.0)
    assert [one.name for one in parse(waiting.take())] == ["message"]


def test_nobody_but_who_moderates_learns_who_hears_whom() -> None:
    followed = FollowedConference()
    followed.join("amy", role="host")
    followed.join("ben")
    history = followed.journal.history("tea")
    assert history is not None
    before = history.last_id
    amy, ben = Viewer(moderates=True, participant_id="amy"), Viewer(participant_id="ben")
    streams = [followed.feeds.subscribe("tea", one) for one in (amy, ben)]
    followed.room.whisper("amy", ["ben"], by="Amy")
    assert [[one.name for one in parse(stream.take())] for stream in streams] == [["room", "hearing.changed"], ["room"]]
    assert [told(followed, one, before) for one in (amy, ben)] == [["hearing.changed"], []]
    shown = [parse(followed.feeds.subscribe("tea", one).take())[0].data["hearing"] for one in (amy, ben)]
    assert [len(one) for one in shown] == [2, 0]


def test_nobody_but_who_moderates_learns_who_is_handed_over() -> None:
    followed = FollowedConference()
    followed.join("amy", role="host")
    followed.join("ben")
    amy, ben = Viewer(moderates=True, participant_id="amy"), Viewer(participant_id="ben")
    streams = [followed.feeds.subscribe("tea", one) for one in (amy, ben)]
    for sent in streams:
        sent.take()
    snapshot = TransferSnapshot("1", "ben", "amy", "cat", "calling")
    followed.conference.publish(TransferUpdated("tea", snapshot, "Amy"))
    assert [[one.name for one in parse(sent.take())] for sent in streams] == [["transfer.updated"], []]


def test_whoever_was_made_a_host_meanwhile_or_is_one_no_more_begins_anew() -> None:
    followed = FollowedConference()
    followed.join("amy", role="host")
    followed.join("ben")
    ben = Viewer(participant_id="ben")
    [snapshot] = parse(followed.feeds.subscribe("tea", ben).take())
    followed.room.whisper("amy", ["ben"])
    followed.room.set_role("ben", "host")
    [anew] = parse(followed.feeds.subscribe("tea", ben, snapshot.id).take())
    assert len(anew.data["hearing"]) == 2
    followed.room.speak_up("amy")
    followed.room.set_role("ben", "speaker")
    followed.room.whisper("amy", ["ben"])
    [less] = parse(followed.feeds.subscribe("tea", ben, anew.id).take())
    assert (less.name, less.data["hearing"]) == ("room", [])


def test_nobody_reads_back_what_was_said_before_they_were_let_in() -> None:
    followed = FollowedConference(RoomPolicy(lobby="admit"))
    followed.join("amy", role="host")
    history = followed.journal.history("tea")
    assert history is not None
    before = history.last_id
    followed.room.send_message("amy", "Amy", "a secret", 0.0)
    followed.join("ben")
    followed.room.admit(["ben"])
    assert told(followed, Viewer(participant_id="ben"), before) == ["room"]
    assert told(followed, Viewer(participant_id="amy"), before) == [
        "message",
        "participant.joined",
        "participant.updated",
    ]


def test_whoever_is_removed_is_told_so_and_nothing_more() -> None:
    followed = FollowedConference()
    followed.join("amy")
    followed.join("ben")
    stream = followed.feeds.subscribe("tea", Viewer(moderates=True, participant_id="ben"))
    stream.take()
    followed.conference.dismiss("tea", "ben", "removed", by="Amy")
    followed.room.send_message("amy", "Amy", "They are gone.", 0.0)
    [left] = parse(stream.take())
    assert (left.name, left.data["departure"], left.data["by"]) == ("participant.left", "removed", "Amy")
    assert stream.over


@pytest.mark.parametrize("viewer", [Viewer(True, "ben"), Viewer(False, "ben", "amy@example.org")])
def test_whoever_is_removed_from_the_lobby_is_told_so_and_nothing_more_whatever_else_they_may(viewer: Viewer) -> None:
    followed = FollowedConference(RoomPolicy(lobby="admit"))
    followed.join("amy", role="host", identity="amy@example.org")
    followed.join("ben")
    stream = followed.feeds.subscribe("tea", viewer)
    stream.take()
    followed.conference.dismiss("tea", "ben", "removed", by="Amy")
    followed.room.send_message("amy", "Amy", "They are gone.", 0.0)
    [left] = parse(stream.take())
    assert (left.name, left.data["departure"]) == ("participant.left", "removed")
    assert stream.over


def test_the_last_one_who_leaves_in_the_middle_of_a_word_is_told_to_have_left() -> None:
    followed = FollowedConference()
    followed.join("amy").talking = True
    stream = followed.feeds.subscribe("tea", Viewer(participant_id="amy"))
    stream.take()
    followed.conference.end("tea", "over", by="Ben")
    stopped, left = parse(stream.take())
    assert stopped.name == "talking.stopped"
    assert (left.name, left.data["departure"], left.data["by"]) == ("participant.left", "ended", "Ben")


def test_a_room_that_begins_again_is_told_with_a_snapshot_since_its_policy_is_a_new_one() -> None:
    followed = FollowedConference()
    followed.join("amy")
    stream = followed.feeds.subscribe("tea", Viewer(moderates=True))
    [snapshot] = parse(stream.take())
    followed.room.set_policy(RoomPolicy(locked=True, pin="2468"))
    followed.leave("amy")
    followed.join("ben")
    for told_now in (stream.take(), followed.feeds.subscribe("tea", Viewer(moderates=True), snapshot.id).take()):
        _, left, begun = parse(told_now)
        assert (left.name, begun.name) == ("participant.left", "room")
        assert [one["id"] for one in begun.data["participants"]] == ["ben"]
        assert (begun.data["policy"]["locked"], begun.data["policy"]["pin"]) == (False, None)
