"""A caller's connection can be read when its messages are needed, instead of waking the event loop for each of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from conference.load.client.websocket import PING, TEXT, build_frame
from conference.telephony.backpressure import READ_BYTES, LimitedReading, ReadLimits
from conference.telephony.websocket_frames import TextMessages

PLENTY = ReadLimits(1e9, 1e6)


class Connection:
    """A transport, its loop, and its other end: a pipe, of which the event loop reads only if the transport does."""

    def __init__(self, limits: ReadLimits = PLENTY, *, secure: bool = False) -> None:
        self.descriptor, self.other_end = os.pipe()
        os.set_blocking(self.descriptor, False)
        self.secure = secure
        self.now = 0.0
        self.reading, self.closing = True, False
        self.calls: list[tuple[float, Any]] = []
        self.messages: list[str] = []
        self.rest = b""
        self.pauses = False  # whoever gets the rest wants no more of it for a while
        self.held = False  # that is so just now
        self.reader = LimitedReading(cast("Any", self), limits, cast("Any", self), cast("Any", self))
        self.reader.keep_messages(TextMessages(1 << 20))

    def answer(self) -> None:
        """Somebody takes the messages from now on."""
        self.reader.take_messages(self.messages.append)

    # The loop

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Any) -> Any:
        self.calls.append((self.now + delay, callback))
        return SimpleNamespace(cancel=self.calls.clear)

    def turn(self) -> None:
        """Read what is there, if that is wanted, and call what is due."""
        if self.reading:
            buffer = self.reader.get_buffer(-1)
            try:
                piece = os.read(self.descriptor, len(buffer))
            except BlockingIOError:
                piece = b""
            buffer[: len(piece)] = piece
            if piece:
                self.reader.buffer_updated(len(piece))
        due = [call for call in self.calls if call[0] <= self.now]
        self.calls = [call for call in self.calls if call[0] > self.now]
        for _, callback in due:
            callback()

    def pass_time(self) -> None:
        self.now += 0.1

    # The transport

    def get_extra_info(self, name: str) -> Any:
        return {"socket": SimpleNamespace(fileno=lambda: self.descriptor), "sslcontext": self.secure or None}.get(name)

    def is_reading(self) -> bool:
        return self.reading

    def is_closing(self) -> bool:
        return self.closing

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    # The protocol that gets the rest

    def data_received(self, data: bytes) -> None:
        assert self.reading
        self.rest += data
        if self.pauses:
            self.reading, self.held = False, True

    def go_on(self) -> None:
        """Whoever gets the rest wants more of it."""
        if self.held:
            self.reading, self.held = True, False

    # The other end

    def send(self, data: bytes) -> None:
        os.write(self.other_end, data)

    def say(self, *words: str) -> None:
        for one in words:
            self.send(build_frame(TEXT, one.encode()))


@contextmanager
def connected(limits: ReadLimits = PLENTY, *, secure: bool = False) -> Iterator[Connection]:
    connection = Connection(limits, secure=secure)
    try:
        yield connection
    finally:
        for descriptor in (connection.descriptor, connection.other_end):
            with suppress(OSError):  # the test may have closed it
                os.close(descriptor)


def test_what_has_come_is_there_when_it_is_collected_and_wakes_nobody_in_between() -> None:
    with connected() as one:
        one.answer()
        one.say("one")
        one.reader.collect()
        assert (one.messages, one.reading) == (["one"], False)
        one.say("two", "three")
        one.turn()
        assert one.messages == ["one"]
        one.reader.collect()
        assert one.messages == ["one", "two", "three"]
        one.reader.collect()
        assert not one.reading


def test_nothing_is_collected_before_somebody_takes_the_messages() -> None:
    with connected() as one:
        one.say("one")
        one.reader.collect()
        assert one.reading
        one.turn()
        one.answer()
        assert one.messages == ["one"]


def test_the_event_loop_reads_again_when_nobody_collects_any_more() -> None:
    with connected() as one:
        one.answer()
        one.reader.collect()
        one.reader.let_go()
        one.say("one")
        one.turn()
        assert one.messages == ["one"]
        one.reader.let_go()
        one.reader.collect()
        assert not one.reading


def test_a_connection_that_is_encrypted_is_left_to_its_transport() -> None:
    with connected(secure=True) as one:
        one.answer()
        one.send(b"no frame at all")
        one.reader.collect()
        assert one.reading
        assert os.read(one.descriptor, 100) == b"no frame at all"


def test_a_transport_that_is_being_closed_is_not_read_any_more() -> None:
    with connected() as one:
        one.answer()
        one.reader.collect()
        one.closing = True
        one.send(b"whose this is now, nobody knows")
        one.reader.collect()
        assert os.read(one.descriptor, 100) == b"whose this is now, nobody knows"


def test_the_transport_finds_out_that_the_other_end_is_gone() -> None:
    with connected() as one:
        one.answer()
        one.reader.collect()
        os.close(one.other_end)
        one.reader.collect()
        assert one.reading


def test_the_transport_finds_out_that_the_connection_is_broken() -> None:
    with connected() as one:
        one.answer()
        one.reader.collect()
        os.close(one.descriptor)
        one.reader.collect()
        assert one.reading


def test_a_lost_connection_is_not_collected() -> None:
    with connected() as one:
        one.answer()
        one.reader.collect()
        one.connection_lost = lambda _: None  # type: ignore[attr-defined]
        one.reader.connection_lost(None)
        one.say("one")
        one.reader.collect()
        one.reader.let_go()
        assert (one.messages, one.reading) == ([], False)


def test_who_gets_the_rest_can_have_it_wait() -> None:
    with connected() as one:
        one.answer()
        one.reader.collect()
        one.pauses = True
        one.send(build_frame(PING, b"?"))
        one.reader.collect()
        assert (one.rest, one.reading) == (build_frame(PING, b"?"), False)
        one.say("one")
        one.reader.collect()
        one.reader.let_go()
        assert (one.messages, one.reading) == ([], False)
        one.go_on()
        one.reader.collect()
        assert (one.messages, one.reading) == (["one"], False)


def test_what_is_more_than_is_read_at_once_is_read_in_the_turns_of_the_event_loop() -> None:
    with connected() as one:
        one.answer()
        words = ["x" * (READ_BYTES // 4)] * 11
        one.say(*words)
        one.reader.collect()
        assert one.reading
        for _ in range(10):
            one.turn()
        assert one.messages == words
        one.reader.collect()
        assert not one.reading


def test_what_is_beyond_the_limits_is_not_read() -> None:
    with connected(ReadLimits(1e9, 10.0)) as one:
        one.answer()
        words = [str(number) for number in range(60)]
        one.say(*words)
        taken = []
        for _ in range(200):
            one.now += 0.02
            one.reader.collect()
            one.turn()
            taken.append(len(one.messages))
        assert one.messages == words
        assert all(count <= 20 + 16 + 10 * (turn + 2) * 0.02 for turn, count in enumerate(taken))
        assert one.reader.held_back_seconds > 1


@pytest.mark.parametrize("collects", [True, False])
def test_the_end_of_collecting_while_too_much_has_come_reads_no_more_of_it(collects: bool) -> None:
    with connected(ReadLimits(1e9, 1.0)) as one:
        one.answer()
        one.say(*"abcdefgh")
        one.reader.collect()
        one.reader.let_go()
        assert not one.is_reading()
        one.now += 60
        one.turn()
        assert one.is_reading()
        one.say("z")
        if collects:
            one.reader.collect()
        else:
            one.turn()
        assert one.messages == [*"abcdefgh", "z"]


FRAMES = st.lists(
    st.tuples(st.sampled_from([TEXT, TEXT, PING]), st.text("abc", max_size=125).map(str.encode)), max_size=30
)
STEPS = st.lists(
    st.one_of(st.sampled_from(["collect", "turn", "let go", "go on", "pass time"]), st.integers(1, 200)), max_size=60
)


@example([(TEXT, b"")] * 15 + [(PING, b"")] * 2, [], True)
@given(FRAMES, STEPS, st.booleans())
def test_all_comes_in_order_and_once_however_it_is_read(
    frames: list[tuple[int, bytes]], steps: list[str | int], pauses: bool
) -> None:
    unsent = b"".join(build_frame(*frame) for frame in frames)
    with connected(ReadLimits(1e6, 50.0)) as one:
        one.answer()
        one.pauses = pauses
        actions = {
            "collect": one.reader.collect,
            "turn": one.turn,
            "let go": one.reader.let_go,
            "go on": one.go_on,
            "pass time": one.pass_time,
        }
        for step in [*steps, len(unsent) or "turn", *["pass time", "go on", "turn", "collect"] * len(frames)]:
            if isinstance(step, int):
                one.send(unsent[:step])
                unsent = unsent[step:]
            else:
                actions[step]()
        assert one.messages == [payload.decode() for opcode, payload in frames if opcode == TEXT]
        assert one.rest == b"".join(build_frame(*frame) for frame in frames if frame[0] == PING)
