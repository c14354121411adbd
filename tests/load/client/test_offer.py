from __future__ import annotations

from conference.load.client.offer import LEVEL_ID, PAYLOAD_TYPE, Ours, build_offer
from conference.webrtc.sdp.offer import parse_offer


def test_the_server_understands_the_offer() -> None:
    ours = Ours("abcd", "p" * 24, ":".join(["AB"] * 32), 77, "name", [("192.0.2.1", 1000), ("2001:db8::1", 2000)])
    offer = parse_offer(build_offer(ours))
    assert (offer.ufrag, offer.password, offer.setup, offer.first.direction) == (
        "abcd",
        "p" * 24,
        "actpass",
        "sendrecv",
    )
    assert [(one.address, one.port) for one in offer.candidates] == [("192.0.2.1", 1000), ("2001:db8::1", 2000)]
    assert offer.candidates[0].priority > offer.candidates[1].priority
    assert [(one.codec, one.payload_type) for one in offer.first.formats] == [("opus", PAYLOAD_TYPE)]
    assert (offer.first.level_id, offer.first.ssrc, offer.first.attribute_of_ssrc("cname")) == (LEVEL_ID, 77, "name")
