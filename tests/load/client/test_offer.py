from __future__ import annotations

from conference.load.client.offer import LEVEL_ID, PAYLOAD_TYPE, LocalParameters, build_offer
from conference.webrtc.sdp.offer import parse_offer


def test_the_server_understands_the_offer() -> None:
    ours = LocalParameters(
        "abcd", "p" * 24, ":".join(["AB"] * 32), 77, "name", [("192.0.2.1", 1000), ("2001:db8::1", 2000)]
    )
    offer = parse_offer(build_offer(ours))
    theirs = offer.transport
    assert (theirs.ufrag, theirs.password, theirs.setup) == ("abcd", "p" * 24, "actpass")
    assert offer.first.direction == "sendrecv"
    assert [(one.address, one.port) for one in theirs.candidates] == [("192.0.2.1", 1000), ("2001:db8::1", 2000)]
    assert theirs.candidates[0].priority > theirs.candidates[1].priority
    assert [(one.codec, one.payload_type) for one in offer.first.formats] == [("opus", PAYLOAD_TYPE)]
    assert (offer.first.level_id, offer.first.ssrc, offer.first.attribute_of_ssrc("cname")) == (LEVEL_ID, 77, "name")
