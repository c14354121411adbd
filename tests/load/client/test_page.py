"""What a participant of a load test asks who does what the page does."""

from __future__ import annotations

import re

from conference.load.client.offer import LocalParameters, build_offer
from conference.load.client.page import trickle_fragment
from conference.webrtc.sdp.trickle import parse_trickle_fragment


def test_what_it_trickles_is_what_its_offer_says() -> None:
    addresses = [("192.0.2.1", 4000), ("2001:db8::1", 4001)]
    offer = build_offer(LocalParameters("ufrag1", "password" * 3, "AB:CD", 1, "name", addresses))
    fragment = trickle_fragment(offer)
    assert fragment.endswith("a=end-of-candidates\r\n")
    lines = fragment.splitlines()
    assert [line.split(":")[0].split(" ")[0] for line in lines[:4]] == ["a=ice-ufrag", "a=ice-pwd", "m=audio", "a=mid"]
    assert len(re.findall("^a=candidate:", fragment, re.MULTILINE)) == 2
    assert len(parse_trickle_fragment(fragment).candidates) == 2
