"""Where sound lies on the room's timeline.

A packet says when it was made, by its sender's clock; and by ours it is known when it came. The packets that came
fastest tell how the two clocks belong together; and they do so anew every few seconds, since no two clocks run alike.
So a packet that came late, or after a loss, or after a pause keeps its place.

All times are in nanoseconds since the recording began. Sound was said in the time before it came that it lasts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WINDOW_NS: Final = 5_000_000_000
"""The fastest packet of so long, before and after, tells how the clocks belong together. 100 ppm make 0.5 ms of it."""

SHIFT_NS: Final = 150_000_000
"""Packets that lag more than those before them by more than this, and go on to, are of a clock that stood still."""

SHIFT_SPAN_NS: Final = 200_000_000
"""They have to say so for so long: what was held back comes at once."""

SLACK_NS: Final = 10_000_000
"""Messages of a caller that lag by no more than this follow each other without a gap: so do those of a call."""

LAG_MESSAGES: Final = 25
"""A lag that so many messages in a row have is one of the clock, and not of the network."""

AHEAD_NS: Final = 100_000_000
"""A caller that is ahead by less than this has a fast clock; by more, it sends faster than real time."""

LIVE_NS: Final = 5_000_000_000
LIVE_SHARE: Final = 0.03
LIVE_MESSAGE_NS: Final = 1_000_000_000
"""Of a caller who sent for so long at least, sound and time differ by no more than this share, if it is a call; and no
message is longer than that."""

PAUSE_NS: Final = 60_000_000
"""A message that lags by more than this comes after a pause."""


@dataclass(slots=True)
class Sent:
    """A packet of one stream."""

    sequence: int
    """Without wrapping."""

    timestamp: int
    """Without wrapping, in samples of the stream's clock."""

    duration: int
    """In samples of the stream's clock."""

    arrival_ns: int


def place_packets(packets: Sequence[Sent], clock_rate: int) -> list[int]:
    """When each packet of one stream was said.

    Args:
        packets: in the order in which they came.
        clock_rate: of the timestamps, in Hz.

    Returns:
        Where each begins.
    """
    media = [one.timestamp * 1_000_000_000 // clock_rate for one in packets]
    lags = [
        one.arrival_ns - begins - one.duration * 1_000_000_000 // clock_rate
        for one, begins in zip(packets, media, strict=True)
    ]
    arrivals = [one.arrival_ns for one in packets]
    before = _least(arrivals, lags)
    after = _least([-one for one in reversed(arrivals)], lags[::-1])[::-1]
    following = _following(arrivals)
    places = []
    for begins, past, future, span in zip(media, before, after, following, strict=True):
        stood_still = future > past + SHIFT_NS and span >= SHIFT_SPAN_NS
        places.append(begins + (future if stood_still else min(past, future)))
    return places


def _least(times: Sequence[int], lags: Sequence[int]) -> list[int]:
    """The least lag of each packet and those up to :data:`WINDOW_NS` before it."""
    found: list[int] = []
    rising: deque[tuple[int, int]] = deque()  # of those in the window, each less than all after it
    for time, lag in zip(times, lags, strict=True):
        while rising and rising[-1][1] >= lag:
            rising.pop()
        rising.append((time, lag))
        while rising[0][0] < time - WINDOW_NS:
            rising.popleft()
        found.append(rising[0][1])
    return found


def _following(arrivals: Sequence[int]) -> list[int]:
    """For how long packets come after each: up to :data:`WINDOW_NS`."""
    spans, end = [], 0
    for place, arrival in enumerate(arrivals):
        end = max(end, place)
        while end + 1 < len(arrivals) and arrivals[end + 1] <= arrival + WINDOW_NS:
            end += 1
        spans.append(arrivals[end] - arrival)
    return spans


def place_messages(messages: Sequence[tuple[int, int]]) -> list[int]:
    """When each message of a caller was said.

    What comes faster than real time is played in real time, one message behind the other, and so it is placed.

    Args:
        messages: when each came, and how long its sound is; in the order in which they came.

    Returns:
        Where each begins.
    """
    places: list[int] = []
    end: int | None = None
    lags: deque[int] = deque(maxlen=LAG_MESSAGES)
    for number, (arrival, duration) in enumerate(messages):
        begins = arrival - duration
        if end is None or begins > end + PAUSE_NS:
            lags.clear()
            if duration > AHEAD_NS:  # no message of a call: it was made in advance, and is heard from the next tick on
                begins = arrival
            begins = max(begins + _lateness(messages[number : number + LAG_MESSAGES]), end or 0)
        else:
            lags.append(begins - end)
            begins = end
            if len(lags) == LAG_MESSAGES and min(lags) > SLACK_NS:
                begins = end + min(lags)
                lags.clear()
            elif len(lags) == LAG_MESSAGES and min(lags) > -AHEAD_NS and max(lags) < -SLACK_NS:
                begins = end - min(-max(lags), duration // 2)
                lags.clear()
        places.append(begins)
        end = begins + duration
    return places


def is_live(messages: Sequence[tuple[int, int]]) -> bool:
    """Whether a caller sent as much sound as time went by: a call does, also in its silence, and whatever held it up.

    Args:
        messages: when each came, and how long its sound is; in the order in which they came.
    """
    if not messages:
        return False
    span = messages[-1][0] - messages[0][0] + messages[0][1]
    sound = sum(duration for _, duration in messages)
    longest = max(duration for _, duration in messages)
    return span >= LIVE_NS and longest <= LIVE_MESSAGE_NS and abs(sound - span) <= span * LIVE_SHARE


def _lateness(messages: Sequence[tuple[int, int]]) -> int:
    """By how much the first of some messages came later than the fastest of those that follow it: 0 or less."""
    end, least = messages[0][0], 0
    for arrival, duration in messages[1:]:
        lag = arrival - duration - end
        if lag > PAUSE_NS:
            break
        least = min(least, lag)
        end += duration
    return least if least > -AHEAD_NS else 0
