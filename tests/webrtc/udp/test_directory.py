from __future__ import annotations

import socket

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from conference.webrtc.udp.datagrams import NAME_BYTES, pack_name
from conference.webrtc.udp.directory import NOBODY, Directory

V4 = st.builds(
    lambda host, port: pack_name((str(host), port), socket.AF_INET), st.ip_addresses(v=4), st.integers(0, 65_535)
)
V6 = st.builds(
    lambda host, port: pack_name((str(host), port), socket.AF_INET6), st.ip_addresses(v=6), st.integers(0, 65_535)
)
NAMES = st.one_of(V4, V6, st.just(bytes(NAME_BYTES)), st.just(b"\xff" * NAME_BYTES))


def find(directory: Directory, names: list[bytes]) -> list[int]:
    found: list[int] = directory.find(np.frombuffer(b"".join(names), np.int64).reshape(-1, NAME_BYTES // 8)).tolist()
    return found


@given(st.lists(st.tuples(NAMES, st.one_of(st.none(), st.integers(0, 9000))), max_size=30), st.lists(NAMES, min_size=1))
def test_a_search_finds_what_a_dictionary_would(
    changes: list[tuple[bytes, int | None]], strangers: list[bytes]
) -> None:
    directory, plain = Directory(), dict[bytes, int]()
    for name, index in changes:
        directory.aim(name, index)
        plain.pop(name, None) if index is None else plain.update({name: index})
        asked = [name, *plain, *strangers]
        assert find(directory, asked) == [plain.get(one, NOBODY) for one in asked]
        assert [directory.get(one) for one in asked] == [plain.get(one, NOBODY) for one in asked]
    assert len(directory) == len(plain)
    directory.clear()
    assert find(directory, strangers) == [NOBODY] * len(strangers)


def test_addresses_with_the_same_key_are_not_taken_for_each_other() -> None:
    directory = Directory()
    first, second, third = (pack_name(("192.0.2.1", port), socket.AF_INET) for port in (1, 2, 3))
    directory._factors = np.zeros_like(directory._factors)
    directory.aim(first, 1)
    directory.aim(second, 2)
    found = find(directory, [first, second, third])
    assert found[2] == NOBODY
    assert found[:2] in ([1, NOBODY], [NOBODY, 2])
