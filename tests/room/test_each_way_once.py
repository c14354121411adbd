"""A caller and somebody who speaks Opus: what each says is decoded once, and encoded once for the other."""

from __future__ import annotations

from typing import Any

from conference.codecs.opus_decoder import OpusDecoder
from conference.codecs.pcmu import PcmuCodec
from conference.playout.source import PacketSource
from conference.telephony.intake import PacedSource
from conference.telephony.settings import LegSettings
from tests.room.callers import Caller
from tests.room.meeting import Meeting, Person
from tests.room.test_law_10_forwarding import says


class Counted:
    """Counts how often one method of an object is called."""

    def __init__(self, one: Any, method: str) -> None:
        self.calls = 0
        self._call = getattr(one, method)
        setattr(one, method, self._counted)

    def _counted(self, *args: Any, **more: Any) -> Any:
        self.calls += 1
        return self._call(*args, **more)


def test_what_each_says_is_decoded_once_and_encoded_once() -> None:
    amy, ben = Person("amy", says("amy")), Caller("ben", says("ben"))
    opus, mu_law = OpusDecoder(), PcmuCodec().make_decoder()
    decoded = [Counted(opus, "decode"), Counted(mu_law, "decode")]
    amy.source = amy.participant.source = PacketSource(opus)
    ben.source = ben.participant.source = PacedSource(mu_law, LegSettings(buffer_ms=40))
    meeting = Meeting(amy, ben)  # type: ignore[arg-type]
    meeting.go_on(150)
    encoded = meeting.room.encoders.encoded_packets
    for one in decoded:
        one.calls = 0
    meeting.go_on(100)
    assert not meeting.room.forwarded
    assert meeting.room.encoders.encoded_packets - encoded <= 2 * 100
    assert all(one.calls <= 100 for one in decoded)
