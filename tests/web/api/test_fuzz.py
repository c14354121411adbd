"""Whatever is sent, the answer is never a 500."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from yarl import URL

from conference.room.conference import check_room_name
from conference.web.api.reading import parse
from conference.web.http.limits.rate_limit import RateLimit
from conference.web.http.problems import Problem
from conference.web.http.typed_text import read_name
from conference.web.joining.seats import Seats
from conference.web.schemas.requests import Body, ParticipantPatch, RoomPatch, Whisper
from tests.web.doubles import MERGE_PATCH, SDP, TRICKLE, Site

JSON: SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["muted", "name", "id", "to", "role", "pin", ""]), inner)
    ),
    max_leaves=10,
)


@given(st.one_of(st.text(), JSON.map(json.dumps)), st.sampled_from([ParticipantPatch, RoomPatch, Whisper]))
def test_a_body_is_read_or_refused_with_a_sentence(text: str, model: type[Body]) -> None:
    refused = None
    try:
        body = parse(model, text)
    except Problem as problem:
        refused = problem
    if refused is not None:
        assert refused.status == 400
        assert refused.title.endswith(".")
        assert "Input" not in refused.title, "a sentence of ours, not of the library"
    elif isinstance(body, ParticipantPatch):
        assert body.name is None or 1 <= len(body.name) <= 64


@given(st.text(alphabet=st.characters(), max_size=100))
def test_a_name_is_one_line_of_text_or_refused(text: str) -> None:
    try:
        name = read_name(text, 64)
    except ValueError:
        pass
    else:
        assert 1 <= len(name) <= 64
        assert len(name.splitlines()) == 1
        name.encode()


@given(st.text(), st.text(max_size=20))
def test_a_seat_is_proven_only_by_what_was_issued(proof: str, room: str) -> None:
    seats = Seats(b"key")
    assert seats.check(room, proof) is None
    assert seats.check(room, seats.issue(room, "a1")) == "a1"
    assert seats.check(room + "x", seats.issue(room, "a1")) is None
    assert Seats(b"another").check(room, seats.issue(room, "a1")) is None


@given(st.lists(st.floats(0, 100), max_size=50), st.integers(1, 20))
def test_a_rate_is_never_exceeded_and_what_it_says_to_wait_is_enough(gaps: list[float], per_minute: int) -> None:
    limit = RateLimit(per_minute)
    now, taken = 0.0, []
    for gap in gaps:
        now += gap
        wait = limit.take("a", now)
        if wait:
            now += wait + 1e-6
            assert limit.take("a", now) == 0
        taken.append(now)
    for first in taken:
        assert sum(first <= one < first + 60 for one in taken) <= 2 * per_minute


def test_one_address_does_not_use_up_what_another_has() -> None:
    limit = RateLimit(1, max_keys=2)
    assert limit.take("a", 0.0) == 0
    assert limit.take("a", 0.0) == pytest.approx(60)
    assert limit.take("b", 0.0) == 0
    assert limit.take("c", 0.0) == 0  # "a" is forgotten for it
    assert limit.take("a", 0.0) == 0


def test_asking_how_long_to_wait_makes_nobody_forgotten() -> None:
    limit = RateLimit(1, max_keys=100)
    assert limit.take("a", 0.0) == 0
    for number in range(1000):
        assert limit.wait(str(number), 0.0) == 0
    assert limit.wait("a", 0.0) == pytest.approx(60)


def test_who_has_used_up_their_tokens_is_forgotten_after_those_who_took_one() -> None:
    limit = RateLimit(20, max_keys=100)
    for _ in range(20):
        assert limit.take("a", 0.0) == 0
    for number in range(1000):
        assert limit.take(str(number), 0.0) == 0
    assert limit.wait("a", 0.0) == pytest.approx(3)


def test_what_is_full_again_is_forgotten_first() -> None:
    limit = RateLimit(1, max_keys=2)
    assert limit.take("old", 0.0) == 0
    assert limit.take("a", 60.0) == 0
    assert limit.take("b", 60.0) == 0
    assert limit.wait("a", 60.0) == limit.wait("b", 60.0) == pytest.approx(60)


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.floats(0, 30)), max_size=60), st.integers(1, 4))
def test_no_more_is_kept_than_there_is_room_for(acts: list[tuple[str, float]], max_keys: int) -> None:
    limit, now = RateLimit(2, max_keys=max_keys), 0.0
    for key, gap in acts:
        now += gap
        wait = limit.take(key, now)
        assert 0 <= wait <= 30
        limited = sum(limit.wait(one, now) > 0 for one in "abcdefgh")
        assert limited <= max_keys


async def test_no_request_is_a_surprise() -> None:
    """One server, many requests: hypothesis makes them, and every answer is one that was meant."""
    requests: list[tuple[str, str, dict[str, str], bytes]] = []

    @given(
        st.sampled_from(["GET", "POST", "PATCH", "DELETE", "OPTIONS"]),
        st.text(max_size=70) | st.just("tea"),
        st.text(max_size=20) | st.just("SEAT"),
        st.sampled_from([SDP, TRICKLE, MERGE_PATCH, {"Content-Type": "text/plain"}, {"Content-Type": "/;="}, {}]),
        st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()),
        st.text(max_size=70),
    )
    def collect(method: str, room: str, seat: str, headers: dict[str, str], body: bytes, name: str) -> None:
        path = URL("/rooms") / room.replace("/", "%2F").strip(".\0") if room.strip("./\0") else URL("/rooms/x")
        path = path / "participants"
        if method != "POST":
            path = path / (seat.replace("/", "_").strip(".\0") or "x")
        else:
            path = path % {"name": name.encode("utf-8", "ignore").decode()}
        requests.append((method, str(path), headers, body))

    collect()
    async with Site() as site:
        location = (await site.join()).headers["Location"]
        for method, path, headers, body in requests:
            target = path.replace("/rooms/tea/participants/SEAT", location)
            response = await site.client.request(method, URL(target, encoded=True), headers=headers, data=body)
            assert response.status < 500, (method, target, headers, body)
            if response.status >= 400:
                assert response.content_type == "application/problem+json", (method, target)
            try:
                check_room_name(URL(target).parts[2])
            except ValueError:
                assert response.status >= 400 or method == "OPTIONS"
