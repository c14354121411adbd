"""What one decision brings about for many is told at once: to everybody, and as if they had been meant one by one."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.room.conference import Conference
from conference.room.events import Published, TalkingStarted, events_of
from conference.room.policy import DEFAULT_POLICY, Lobby, RoomPolicy
from conference.web.events.audit import Audit
from conference.web.events.channel import Subscription
from conference.web.events.views import Viewer
from conference.web.events.webhooks import Webhooks, WebhookSettings
from tests.web.doubles import Site, problem
from tests.web.followed import Client, FollowedConference, Told, parse

MANY = 300
BACKLOG = 256
"""As many events as may wait for a viewer, if nobody says otherwise."""


def crowd(many: int = MANY, policy: RoomPolicy = DEFAULT_POLICY, **sizes: int) -> FollowedConference:
    followed = FollowedConference(policy, **({"max_backlog": BACKLOG, "max_streams": 2 * many} | sizes))
    followed.join("host", role="host")
    for number in range(many):
        followed.join(f"p{number}")
    return followed


def follow(followed: FollowedConference, readers: list[Viewer]) -> list[Subscription]:
    """Their streams, from which they have taken all up to now."""
    streams = [followed.feeds.subscribe("tea", one) for one in readers]
    for stream in streams:
        stream.take()
    return streams


def seats(followed: FollowedConference, *, batches: bool) -> list[Viewer]:
    return [Viewer(participant_id=one, batches=batches) for one in followed.room.participants]


def test_when_all_are_muted_nobodys_stream_is_cut_off_and_each_reads_one_event_of_all() -> None:
    followed = crowd()
    streams = follow(followed, seats(followed, batches=True))
    muted = followed.room.mute_all((), by="Host")
    assert len(muted) == MANY
    told = [stream.take() for stream in streams]
    assert not any(stream.closed for stream in streams)
    assert all(one is told[0] for one in told)  # made once
    [event] = parse(told[0])
    assert event.name == "participants.updated"
    assert event.data["ids"] == muted
    assert event.data["by"] == "Host"
    assert (event.data["changes"]["muted"], event.data["changes"]["muted_by"]) == (True, "Host")


def test_who_does_not_ask_for_batches_reads_an_event_for_each_and_is_not_cut_off_either() -> None:
    followed = crowd()
    streams = follow(followed, seats(followed, batches=False))
    followed.room.mute_all((), by="Host")
    told = [stream.take() for stream in streams]
    assert not any(stream.closed for stream in streams)
    assert all(one is told[0] for one in told)
    events = parse(told[0])
    assert [one.name for one in events] == ["participant.updated"] * MANY
    assert [one.data["participant"]["id"] for one in events] == [f"p{number}" for number in range(MANY)]
    assert len({one.id for one in events}) == MANY


@pytest.mark.parametrize("batches", [False, True])
def test_when_the_conference_ends_everybody_reads_that_all_have_left(batches: bool) -> None:
    followed = crowd()
    streams = follow(followed, seats(followed, batches=batches))
    followed.conference.end("tea", "It is over.", by="Host")
    for stream in streams:
        events = parse(stream.take())
        assert not stream.closed
        if batches:
            [event] = events
            assert (event.name, event.data["departure"], event.data["by"]) == ("participants.left", "ended", "Host")
            assert len(event.data["ids"]) == MANY + 1
        else:
            assert [one.name for one in events] == ["participant.left"] * (MANY + 1)


def test_when_all_are_let_in_each_of_them_is_shown_the_room_which_is_made_once() -> None:
    followed = crowd(20, RoomPolicy(lobby="admit"))
    streams = follow(followed, seats(followed, batches=True))
    followed.room.admit_all(by="Host")
    [to_host] = parse(streams[0].take())
    assert (to_host.name, to_host.data["changes"]) == ("participants.updated", {"waiting": False})
    shown = [stream.take() for stream in streams[1:]]
    assert all(one is shown[0] for one in shown)
    [room] = parse(shown[0])
    assert (room.name, len(room.data["participants"])) == ("room", 21)


def test_who_waits_in_the_lobby_reads_of_a_decision_about_all_what_concerns_themselves() -> None:
    followed = crowd(5, RoomPolicy(lobby="admit"))
    by_seat, by_identity = Viewer(participant_id="p1", batches=True), Viewer(identity="eve@example.org", batches=True)
    followed.join("eve", identity="eve@example.org")
    streams = follow(followed, [by_seat, by_identity, Viewer(batches=True)])
    followed.room.mute_all((), by="Host")
    told = [parse(stream.take()) for stream in streams]
    assert [[one.data["participant"]["id"] for one in events] for events in told] == [["p1"], ["eve"], []]


def test_one_person_is_told_of_as_ever() -> None:
    followed = crowd(1)
    [stream] = follow(followed, [Viewer(batches=True)])
    followed.room.mute_all((), by="Host")
    followed.room.mute_all((), by="Host")  # changes nothing
    assert [one.name for one in parse(stream.take())] == ["participant.updated"]


def test_that_whoever_is_muted_talks_no_more_is_part_of_the_event_of_many() -> None:
    followed = crowd(3)
    for one in ("p0", "p2"):
        followed.room.participants[one].level = -20.0
        followed.room._set_talking(followed.room.participants[one], talking=True)
    followed.room.set_muted("p1", True)
    many, each = follow(followed, [Viewer(batches=True), Viewer()])
    followed.room.mute_all((), by="Host")
    [event] = parse(many.take())
    assert event.data["changes"] == {"level": -127.0, "muted": True, "muted_by": "Host", "talking": False}
    assert sorted(one.name for one in parse(each.take())) == ["participant.updated"] * 3 + ["talking.stopped"] * 2


def test_those_to_whom_something_else_happened_are_told_of_apart() -> None:
    followed = crowd(3, RoomPolicy(lobby="admit"))
    [stream] = follow(followed, [Viewer(moderates=True, batches=True)])
    with followed.room._one_decision():
        for one in ("p0", "p1", "p2"):
            followed.room.admit([one])
            followed.room.hold(one, True)
            followed.room.hold(one, one == "p1")
    told = {tuple(one.data["ids"]): one.data["changes"] for one in parse(stream.take())}
    assert {ids: (changes["waiting"], changes["held"]) for ids, changes in told.items()} == {
        ("p0", "p2"): (False, False),
        ("p1",): (False, True),
    }


# As if they had been meant one by one


class OneByOne(Conference):
    """Publishes all that a decision brings about by itself."""

    def _publish(self, room_name: str, published: Published) -> None:
        for event in events_of(published):
            super()._publish(room_name, event)


def split(followed: FollowedConference) -> None:
    """Have a followed tell of each event by itself."""
    followed.conference.__class__ = OneByOne


READERS = {
    "moderator": Viewer(moderates=True),
    "host": Viewer(participant_id="host"),
    "p0": Viewer(participant_id="p0"),
    "stranger": Viewer(),
}

people = st.sampled_from(["p0", "p1", "p2", "p3"])
steps = st.one_of(
    st.tuples(st.sampled_from(["talk", "mute", "hold", "lock"]), people),
    st.tuples(st.just("mute all"), st.lists(people, max_size=2)),
    st.tuples(st.just("write"), people),
)


def _do(followed: FollowedConference, what: str, whom: Any) -> None:
    room = followed.room
    match what:
        case "talk" if room.participants[whom].may_be_heard:
            room.participants[whom].level = -20.0
            room._set_talking(room.participants[whom], talking=True)
        case "mute":
            room.set_muted(whom, not room.participants[whom].muted)
        case "hold":
            room.hold(whom, not room.participants[whom].held)
        case "lock":
            room.set_policy(replace(room.policy, locked=not room.policy.locked))
        case "write":
            room.send_message(whom, whom, "Hello", 0.0)
        case "mute all":
            room.mute_all(whom, by="Host")


@given(actions=st.lists(steps, max_size=20), ends=st.booleans(), lobby=st.sampled_from(["off", "admit"]))
def test_readers_are_told_the_same_as_if_each_had_been_meant_alone(
    actions: list[tuple[str, Any]], ends: bool, lobby: Lobby
) -> None:
    followed_each = [crowd(4, RoomPolicy(lobby=lobby)) for _ in range(3)]
    split(followed_each[1])
    streams: list[dict[str, Subscription]] = []
    for number, followed in enumerate(followed_each):
        followed.room.admit(["p0", "p1"])
        readers = {name: replace(one, batches=number == 2) for name, one in READERS.items()}
        streams.append({name: followed.feeds.subscribe("tea", one) for name, one in readers.items()})
        for what, whom in actions:
            _do(followed, what, whom)
        if ends and lobby == "off":
            followed.conference.end("tea", "It is over.")
    for name in READERS:
        together, alone, many = (_changes(one[name]) for one in streams)
        assert together == alone
        clients = [Client(), Client()]
        clients[0].take(together)
        clients[1].take(many)
        assert clients[0].people == clients[1].people
        assert (clients[0].policy, clients[0].messages) == (clients[1].policy, clients[1].messages)
        assert len(many) <= len(together)


def _changes(stream: Subscription) -> list[Told]:
    """What was told, with ids that are the same in each followed; of the snapshots the first."""
    snapshot, *told = parse(stream.take())
    changes = [snapshot, *(one for one in told if one.name != "room")]
    return [replace(one, id="x-" + (one.id or "").partition("-")[2]) for one in changes]


@pytest.mark.parametrize("batches", [False, True])
def test_who_lost_the_stream_in_the_midst_of_what_a_decision_brought_about_reads_the_rest(batches: bool) -> None:
    followed = crowd(6)
    for one in ("p1", "p2"):
        followed.room._publish(TalkingStarted("tea", one))
    [stream] = follow(followed, [Viewer(batches=batches)])
    with followed.room._one_decision():
        followed.room.set_policy(replace(followed.room.policy, locked=True))
        followed.room.mute_all((), by="Host")
    whole = parse(stream.take())
    assert len(whole) == (2 if batches else 7)
    for got in range(1, len(whole) + 1):
        rest = parse(followed.feeds.subscribe("tea", Viewer(batches=batches), whole[got - 1].id).take())
        assert [(one.id, one.name, one.data) for one in rest] == [(one.id, one.name, one.data) for one in whole[got:]]


def test_what_the_last_decision_brought_about_is_kept_however_much_it_is() -> None:
    followed = crowd(50, size=10)
    [stream] = follow(followed, [Viewer()])
    followed.room.send_message(None, "Host", "Quiet, please", 0.0)
    [message] = parse(stream.take())
    followed.room.mute_all((), by="Host")
    assert len(parse(followed.feeds.subscribe("tea", Viewer(), message.id).take())) == 50
    followed.room.send_message(None, "Host", "Thank you", 0.0)
    assert [one.name for one in parse(followed.feeds.subscribe("tea", Viewer(), message.id).take())] == ["room"]


async def test_it_is_asked_for_with_one_and_nothing_else() -> None:
    async with Site() as site:
        for name in ("Amy", "Ben"):
            await site.join(name=name)
        refused = await site.client.get("/rooms/tea/events?batch=maybe")
        assert refused.status == 400
        assert "batch" in (await problem(refused))["title"]
        async with site.client.get("/rooms/tea/events?batch=1") as many, site.client.get("/rooms/tea/events") as each:
            await site.client.post("/rooms/tea/mute")
            await site.app.shutdown()
            names = [[one.name for one in parse(await stream.read())] for stream in (many, each)]
        assert names[0] == ["room", "participants.updated", "participants.left"]
        assert names[1] == ["room", *["participant.updated"] * 2, *["participant.left"] * 2]


# Others who follow


def sent(followed: FollowedConference, *events: str) -> list[dict[str, Any]]:
    """Keep what webhooks are sent, instead of sending it."""
    bodies: list[dict[str, Any]] = []
    webhooks = Webhooks(WebhookSettings(("https://example.org/",), (b"k",), events=events))
    webhooks.receivers[0].put = lambda message: bodies.append(json.loads(message.body))  # type: ignore[method-assign]
    followed.journal.follow(webhooks.take)
    return bodies


def test_webhooks_tell_of_each_unless_those_of_many_are_named() -> None:
    followed = crowd(3)
    each, many, some = (
        sent(followed),
        sent(followed, "participants.updated", "participants.left"),
        sent(followed, "participants.updated", "participant.left"),
    )
    followed.room.mute_all((), by="Host")
    followed.conference.end("tea", "It is over.")
    assert [one["type"] for one in each] == ["participant.updated"] * 3 + ["participant.left"] * 4
    assert [one["type"] for one in many] == ["participants.updated", "participants.left"]
    assert [one["type"] for one in some] == ["participants.updated"] + ["participant.left"] * 4
    assert many[0]["data"]["room"] == "tea"
    assert many[0]["data"]["ids"] == ["p0", "p1", "p2"]


def test_the_audit_tells_who_did_it_to_whom_in_a_line_for_fifty() -> None:
    followed = crowd(0)
    lines: list[str] = []
    followed.journal.follow(Audit(followed.conference, lambda line, _: lines.append(line)).take)
    for number in range(120):
        followed.join(f"p{number}")
    followed.room.set_muted("p7", True)
    lines.clear()
    followed.room.mute_all((), by="Host")
    pairs = [dict(pair.split("=", 1) for pair in shlex.split(line)) for line in lines]
    assert [(one["did"], one["by"], one["muted_by"]) for one in pairs] == [("change", "Host", "Host")] * 4
    assert sorted(int(one["people"]) for one in pairs if "people" in one) == [19, 50, 50]
    ids = [one["id"] if "id" in one else one["ids"] for one in pairs]
    assert sorted(",".join(ids).split(",")) == sorted(f"p{number}" for number in range(120))


def test_subscribers_are_called_with_each_event_or_with_all_that_belongs_together() -> None:
    followed = crowd(3)
    each: list[object] = []
    whole: list[Published] = []

    def fail_once(event: object) -> None:
        each.append(event)
        if len(each) == 1:
            raise RuntimeError

    followed.conference.subscribe("tea", fail_once)
    end = followed.conference.subscribe_to_batches("tea", whole.append)
    followed.room.mute_all((), by="Host")
    end()
    followed.room.send_message(None, "Host", "Quiet", 0.0)
    assert len(whole) == 1
    assert each[:3] == list(events_of(whole[0]))
    assert len(each) == 4


def test_snapshots_are_made_anew_after_each_event() -> None:
    followed = crowd(2)
    first, second = (followed.feeds.subscribe("tea", Viewer()).take() for _ in range(2))
    assert first is second
    followed.room.rename("p1", "Somebody else")
    [snapshot] = parse(followed.feeds.subscribe("tea", Viewer()).take())
    assert snapshot.data["participants"][2]["name"] == "Somebody else"
