"""Webhooks, against a receiver of our own on the loopback interface. Time is told by hand."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from hypothesis import given
from hypothesis import strategies as st

from conference.access.webhook_signature import read_key, sign_webhook
from conference.room.captioned import EVERYBODY, Audience, Caption
from conference.room.events import Captioned
from conference.room.policy import RoomPolicy
from conference.settings import WEBHOOK_EVENTS, Settings, SettingsError
from conference.web.events.event_json import BATCH_NAMES, EVENT_NAMES
from conference.web.events.webhook_queue import FIRST_DELAY, LONGEST_DELAY, Message, WebhookQueue
from conference.web.events.webhooks import Webhooks, WebhookSettings, retry_after, webhook_name
from tests.web.doubles import Site
from tests.web.followed import FollowedConference

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
KEY = read_key(SECRET)

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def fine(_: web.Request) -> web.Response:
    return web.Response(status=204)


def status(number: int, **headers: str) -> Answer:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=number, headers={key.replace("_", "-"): value for key, value in headers.items()})

    return answer


async def hang(_: web.Request) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError


async def hang_up(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@dataclass
class Post:
    """One request, with the signature checked."""

    id: str
    timestamp: str
    body: dict[str, Any]

    @property
    def type(self) -> str:
        return str(self.body["type"])


@dataclass
class Receiver:
    """Answers one request after the other as it was told, and then with 204."""

    answers: list[Answer] = field(default_factory=list)
    posts: list[Post] = field(default_factory=list)
    other_paths: list[str] = field(default_factory=list)
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        message, timestamp = request.headers["webhook-id"], request.headers["webhook-timestamp"]
        assert request.headers["webhook-signature"] == sign_webhook([KEY], message, int(timestamp), body)
        assert request.content_type == "application/json"
        self.posts.append(Post(message, timestamp, json.loads(body)))
        self._more.set()
        return await (self.answers.pop(0) if self.answers else fine)(request)

    async def elsewhere(self, request: web.Request) -> web.StreamResponse:
        self.other_paths.append(request.path)
        return web.Response()

    async def has(self, number: int) -> list[Post]:
        """The posts, as soon as there are so many."""
        async with asyncio.timeout(10):
            while len(self.posts) < number:
                self._more.clear()
                await self._more.wait()
        return self.posts


class Bench:
    """Webhooks of a room whose time is told by hand: waiting takes none, and is written down."""

    def __init__(self, *urls: str, **settings: Any) -> None:
        self.followed = FollowedConference()
        self.waited: list[float] = []
        self.webhooks = Webhooks(
            WebhookSettings(urls, (KEY,), **settings),
            clock=lambda: self.followed.now,
            wallclock=lambda: 1_800_000_000.0 + self.followed.now,
            jitter=lambda: 1.0,
            pause=self.pause,
        )
        self.followed.journal.follow(self.webhooks.take)

    async def pause(self, stop: asyncio.Event, seconds: float) -> None:
        self.waited.append(seconds)
        self.followed.now += seconds
        await asyncio.sleep(0)

    def write(self, *texts: str) -> None:
        for text in texts:
            self.followed.room.send_message(None, "Amy", text, 0.0)

    def texts(self, posts: list[Post]) -> list[str]:
        return [post.body["data"]["text"] for post in posts if post.type == "message"]


@asynccontextmanager
async def receiving(*answers: Answer) -> AsyncIterator[tuple[Receiver, str]]:
    receiver = Receiver(list(answers))
    app = web.Application()
    app.router.add_post("/hook", receiver.take)
    app.router.add_route("*", "/{path:.*}", receiver.elsewhere)
    server = TestServer(app, shutdown_timeout=0)
    await server.start_server()
    try:
        yield receiver, str(server.make_url("/hook"))
    finally:
        await server.close()


@asynccontextmanager
async def sending(*urls: str, **settings: Any) -> AsyncIterator[Bench]:
    bench = Bench(*urls, **settings)
    await bench.webhooks.start()
    try:
        yield bench
    finally:
        await bench.webhooks.close(5)
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "webhook"]


async def test_what_happens_is_told_in_order_signed_and_without_the_pin() -> None:
    async with receiving() as (receiver, url), sending(url) as bench:
        bench.followed.join("amy")
        room = bench.followed.room
        room._set_talking(room.participants["amy"], talking=True)
        room.set_policy(RoomPolicy(locked=True, pin="2468"), by="Amy")
        room.set_gain("amy", "ben", 0.5, by="Amy")
        bench.write("Hello")
        bench.followed.now = 1.5
        bench.followed.leave("amy")
        posts = await receiver.has(5)
        assert [post.type for post in posts] == [
            "participant.joined", "room.updated", "hearing.changed", "message", "participant.left",
        ]  # fmt: skip
        assert [post.body["data"]["room"] for post in posts] == ["tea"] * 5
        assert posts[1].body["data"]["by"] == "Amy"
        assert "2468" not in json.dumps(posts[1].body)
        assert posts[3].body["data"]["text"] == "Hello"
        assert posts[-1].body["timestamp"] == "2027-01-15T08:00:01.500Z"
        assert len({post.id for post in posts}) == 5


def captioned(text: str, audience: Audience = EVERYBODY, *, final: bool = True) -> Captioned:
    return Captioned("tea", Caption(f"c-{text}", "amy", "Amy", text, final, 1, 2, 1000.5, 1001.25, audience))


async def test_of_what_is_said_only_that_is_told_which_everybody_may_hear_and_which_is_final() -> None:
    async with receiving() as (receiver, url), sending(url) as bench:
        bench.webhooks.take_caption(captioned("so far", final=False))
        bench.webhooks.take_caption(captioned("whispered", Audience(heard_by=frozenset(("amy", "ben")))))
        bench.webhooks.take_caption(captioned("understood"))
        bench.webhooks.take_caption(captioned("not for one", Audience(not_by=frozenset(("eve",)))))
        bench.followed.join("amy")
        posts = await receiver.has(3)
        assert [post.type for post in posts] == ["caption", "caption", "participant.joined"]
        assert posts[0].body["data"] == {
            "room": "tea", "id": "c-understood", "participant": "amy", "name": "Amy", "text": "understood",
            "final": True, "begins_at": 1000.5, "ends_at": 1001.25,
        }  # fmt: skip
        assert posts[1].body["data"]["text"] == "not for one"
        assert posts[0].id != posts[1].id


async def test_captions_are_not_told_to_those_who_ask_for_other_events() -> None:
    async with receiving() as (receiver, url), sending(url, events=("participant.joined",)) as bench:
        bench.webhooks.take_caption(captioned("understood"))
        bench.followed.join("amy")
        assert [post.type for post in await receiver.has(1)] == ["participant.joined"]


async def test_the_id_of_a_webhook_is_that_of_the_event_on_the_stream() -> None:
    async with receiving() as (receiver, url), sending(url) as bench:
        bench.followed.join("amy")
        history = bench.followed.journal.history("tea")
        assert history is not None
        [post] = await receiver.has(1)
        assert post.id == history.last_id


async def test_what_fails_is_tried_again_ever_later_with_the_same_id_and_nothing_overtakes_it() -> None:
    answers = [fine, status(500), hang_up, status(302, Location="/elsewhere"), status(404), fine]
    async with receiving(*answers) as (receiver, url), sending(url) as bench:
        bench.followed.join("amy")
        bench.write("first", "second")
        posts = await receiver.has(7)
        assert bench.texts(posts) == ["first"] * 5 + ["second"]
        assert len({post.id for post in posts[1:6]}) == 1
        assert bench.waited == [1, 2, 4, 8]
        assert [int(post.timestamp) - 1_800_000_000 for post in posts[1:6]] == [0, 1, 3, 7, 15]
        assert receiver.other_paths == []  # a redirect is not followed
    stats = bench.webhooks.receivers[0].queue.stats
    assert (stats.delivered, stats.failed, stats.dropped) == (3, 4, 0)


async def test_a_receiver_that_hangs_is_left_after_its_time() -> None:
    async with receiving(fine, hang) as (receiver, url), sending(url, timeout=0.05) as bench:
        bench.followed.join("amy")
        bench.write("first")
        assert bench.texts(await receiver.has(3)) == ["first", "first"]
        assert bench.waited == [1]


async def test_a_receiver_that_asks_for_time_gets_it() -> None:
    answers = [status(429, Retry_After="30"), status(503, Retry_After="9999")]
    async with receiving(*answers) as (receiver, url), sending(url) as bench:
        bench.followed.join("amy")
        await receiver.has(3)
        assert bench.waited == [30, LONGEST_DELAY]


async def test_one_that_says_it_is_gone_is_not_asked_again_about_the_same() -> None:
    async with receiving(status(410)) as (receiver, url), sending(url) as bench:
        bench.followed.join("amy")
        bench.write("first")
        posts = await receiver.has(2)
        assert [post.type for post in posts] == ["participant.joined", "message"]
        assert bench.waited == []
    assert bench.webhooks.receivers[0].queue.stats.dropped == 1


async def test_nobody_there_costs_the_others_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "conference.web.events.webhooks")
    nobody = f"http://user:password@127.0.0.1:{unused_port()}/hook?key=secret"
    async with receiving() as (receiver, url), sending(nobody, url, give_up=10) as bench:
        bench.followed.join("amy")
        bench.write("first", "second")
        assert bench.texts(await receiver.has(3)) == ["first", "second"]
    lost, told = (one.queue.stats for one in bench.webhooks.receivers)
    assert (lost.delivered, lost.dropped) == (0, 3)
    assert (told.delivered, told.dropped) == (3, 0)
    assert "cannot be reached" in caplog.text
    assert "password" not in caplog.text
    assert "secret" not in caplog.text


async def test_of_too_many_the_oldest_go_and_that_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "conference.web.events.webhooks")
    gate = asyncio.Event()

    async def slow(_: web.Request) -> web.Response:
        await gate.wait()
        return web.Response()

    async with receiving(slow) as (receiver, url), sending(url, queue=2) as bench:
        bench.followed.join("amy")
        await receiver.has(1)
        bench.write("first", "second", "third", "fourth")
        gate.set()
        assert bench.texts(await receiver.has(3)) == ["third", "fourth"]
    assert bench.webhooks.receivers[0].queue.stats.dropped == 2
    assert caplog.text.count("the oldest are dropped") == 1
    assert caplog.text.count("works again; 2 events were lost") == 1


async def test_only_the_events_that_are_named_are_sent() -> None:
    async with receiving() as (receiver, url), sending(url, events=("message", "talking.started")) as bench:
        bench.followed.join("amy")
        bench.followed.room._set_talking(bench.followed.room.participants["amy"], talking=True)
        bench.write("first")
        assert [post.type for post in await receiver.has(2)] == ["talking.started", "message"]


async def test_closing_delivers_what_waits() -> None:
    async with receiving() as (receiver, url):
        async with sending(url) as bench:
            bench.followed.join("amy")
            bench.write("first", "second")
        assert bench.texts(receiver.posts) == ["first", "second"]


@pytest.mark.parametrize("answer", [hang, status(500)])
async def test_closing_does_not_wait_for_one_that_fails(answer: Answer, caplog: pytest.LogCaptureFixture) -> None:
    async with receiving(*[answer] * 9) as (receiver, url):
        bench = Bench(url)
        await bench.webhooks.start()
        bench.followed.join("amy")
        bench.write("first", "second")
        await receiver.has(1)
        await bench.webhooks.close(0.01)
        await bench.webhooks.close(0.01)
    assert "could not be delivered before the server stopped" in caplog.text
    assert len(bench.webhooks.receivers[0].queue) == 0


async def test_a_server_tells_its_webhooks_that_everybody_went_when_it_stops() -> None:
    async with receiving() as (receiver, url):
        async with Site(Settings(webhooks=(url,), webhook_secret=SECRET)) as site:
            await site.join(name="Amy")
            assert "conference_webhooks_dropped_total 0.0" in await (await site.client.get("/metrics")).text()
        types = [post.type for post in receiver.posts]
        assert types == ["participant.joined", "participant.left"]
        assert receiver.posts[1].body["data"]["departure"] == "lost"


# The queue alone


def message(number: int, expires: float = 1e9) -> Message:
    return Message(str(number), b"", expires)


@given(st.integers(1, 5), st.lists(st.sampled_from(["put", "take", "delivered", "failed", "refused"]), max_size=60))
def test_whatever_happens_a_queue_sends_in_order_and_accounts_for_every_message(limit: int, acts: list[str]) -> None:
    queue = WebhookQueue(limit, lambda: 0.5)
    put, arrived = 0, []
    for act in acts:
        held = queue._in_hand
        if act == "put":
            queue.put(message(put))
            put += 1
        elif act == "take":
            assert held is None or queue.take() is held
            queue.take()
        elif held is not None and act == "delivered":
            queue.delivered()
            arrived.append(int(held.id))
        elif held is not None and act == "failed":
            assert 0 < queue.failed(0.0) <= LONGEST_DELAY
        elif held is not None:
            queue.refused()
        assert len(queue) <= limit + 1
        assert queue.stats.delivered + queue.stats.dropped + len(queue) == put
    assert arrived == sorted(set(arrived))


def test_delays_double_up_to_the_longest_and_begin_anew_after_a_success() -> None:
    queue = WebhookQueue(9, lambda: 1.0)
    queue.put(message(1))
    queue.take()
    delays = [queue.failed(0.0) for _ in range(2000)]
    assert delays[:4] == [FIRST_DELAY * 2**power for power in range(4)]
    assert delays[-1] == LONGEST_DELAY
    queue.delivered()
    assert queue.failed(0.0) == FIRST_DELAY


@given(st.floats(0, 1))
def test_jitter_takes_away_half_of_a_delay_at_most(jitter: float) -> None:
    queue = WebhookQueue(9, lambda: jitter)
    assert FIRST_DELAY / 2 <= queue.failed(0.0) <= FIRST_DELAY


def test_what_is_too_old_to_be_tried_again_is_dropped() -> None:
    queue = WebhookQueue(9, lambda: 1.0)
    queue.put(message(1, expires=5.0))
    assert queue.take() is not None
    queue.failed(3.9)  # the next try would be at 4.9
    assert queue.take() is not None
    queue.failed(4.9)
    assert queue.take() is None
    assert queue.stats.dropped == 1


# Small things


def test_the_signature_is_that_of_the_specification() -> None:
    signature = sign_webhook([KEY], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_with_two_keys_there_are_two_signatures() -> None:
    other = bytes(24)
    both = sign_webhook([KEY, other], "1", 2, b"")
    assert both.split(" ") == [sign_webhook([KEY], "1", 2, b""), sign_webhook([other], "1", 2, b"")]


@given(st.text(max_size=100))
def test_any_text_is_a_key_or_a_sentence_that_does_not_repeat_it(text: str) -> None:
    try:
        assert 24 <= len(read_key(text)) <= 64
    except ValueError as error:
        assert str(error).startswith("a key is whsec_")  # noqa: PT017 - either way is right


def test_the_settings_name_every_event_but_levels() -> None:
    assert set(WEBHOOK_EVENTS) == {*EVENT_NAMES.values(), *BATCH_NAMES.values()} - {"levels"}


@pytest.mark.parametrize(
    ("text", "seconds"), [(None, 0), ("7", 7), ("-7", 0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0), ("²", 0)]
)
def test_a_retry_after_is_a_number_of_seconds_or_nothing(text: str | None, seconds: float) -> None:
    assert retry_after(text) == seconds


@pytest.mark.parametrize("host", ["hooks..example.org", "h" * 64 + ".example.org"])
def test_a_receiver_whose_name_nobody_could_look_up_is_refused(host: str) -> None:
    with pytest.raises(SettingsError, match="webhook must look like"):
        Settings(webhooks=(f"https://{host}/conference",), webhook_secret=SECRET)


@pytest.mark.parametrize("host", ["hooks.example.org.", "höôks.example.org", "my_hooks", "[::1]:9000", "127.0.0.1"])
def test_a_receiver_may_have_any_name_that_can_be_looked_up(host: str) -> None:
    Settings(webhooks=(f"https://{host}/conference",), webhook_secret=SECRET)


def test_a_receiver_is_named_without_what_may_be_secret() -> None:
    assert webhook_name("https://user:pw@hooks.example.org:8443/secret?key=1") == "https://hooks.example.org:8443"
    assert webhook_name("https://hooks.example.org/secret") == "https://hooks.example.org"
