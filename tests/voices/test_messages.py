"""What clients of audio sockets may send, and what becomes of anything else."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.telephony.fields import MessageError
from conference.voices.messages import HEADER, Address, Flush, SetMark, parse, write, write_sound

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KINDS = st.sampled_from(["flush", "mark", "to", "sing"])


def _message(kind: str, value: Any) -> str:
    return json.dumps({"type": kind, "name": value, "listeners": value})


@given(st.text() | ANYTHING.map(json.dumps) | st.builds(_message, KINDS, ANYTHING))
def test_any_text_is_understood_or_refused_with_a_sentence(text: str) -> None:
    asked: object
    try:
        asked = parse(text)
    except MessageError as error:
        asked = str(error)
    if isinstance(asked, str):
        assert asked.endswith(".")
        assert len(asked) < 300
    else:
        assert isinstance(asked, Flush | SetMark | Address)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ('{"type": "flush"}', Flush()),
        ('{"type": "flush", "because": [1]}', Flush()),
        ('{"type": "mark", "name": ""}', SetMark("")),
        ('{"type": "to", "listeners": null}', Address(None)),
        ('{"type": "to"}', Address(None)),
        ('{"type": "to", "listeners": []}', Address(())),
        ('{"type": "to", "listeners": ["b", "a", "b"]}', Address(("b", "a"))),
    ],
)
def test_what_may_be_asked(text: str, asked: object) -> None:
    assert parse(text) == asked


@pytest.mark.parametrize(
    "text",
    [
        "[" * 60_000,
        '{"type": "mark", "name": "' + "x" * 70_000 + '"}',
        '{"type": "to", "listeners": ' + str(["x"] * 501),
    ],
    ids=["deep", "long", "many"],
)
def test_what_would_cost_much_to_read_is_refused(text: str) -> None:
    with pytest.raises(MessageError):
        parse(text.replace("'", '"'))


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1), st.binary(max_size=64))
def test_sound_says_whose_it_is_and_when_it_was_heard(voice: int, at_ms: int, samples: bytes) -> None:
    message = write_sound(voice, at_ms, samples)
    assert HEADER.size == 12
    assert HEADER.unpack_from(message) == (voice, at_ms)
    assert message[12:] == samples
    assert int.from_bytes(message[:4], "little") == voice
    assert int.from_bytes(message[4:12], "little") == at_ms
    assert np.frombuffer(message[12 : 12 + len(samples) // 2 * 2], "<i2").size == len(samples) // 2


@given(st.text(), st.dictionaries(st.text(), ANYTHING))
def test_what_is_written_is_json(name: str, more: dict[str, Any]) -> None:
    assert json.loads(write("started", name=name, more=more))["name"] == name
