"""The server with sharing switched off: everybody has an encoder of their own, as in servers that know no better.

    python -m bench.unshared serve --port 8082

Takes what ``conference`` takes. All else is as it always is; what it costs more is what sharing saves.
"""

from __future__ import annotations

import sys

from conference.cli.main import main
from conference.codecs.base import Codec
from conference.codecs.opus import OpusCodec
from conference.webrtc import peer
from conference.webrtc.sdp import codecs
from conference.webrtc.sdp.formats import Format


class OwnOpus(OpusCodec):
    """Opus that is the same as no other, so that nobody shares its encoder."""

    __eq__ = object.__eq__
    __hash__ = object.__hash__


def make_own_codec(agreed: Format, bitrate: int) -> Codec:
    """What the server would make of an offered format, for one listener alone."""
    shared = codecs.make_codec(agreed, bitrate)
    if not isinstance(shared, OpusCodec):
        return shared
    return OwnOpus(**{name: getattr(shared, name) for name in OpusCodec.__dataclass_fields__})


if __name__ == "__main__":
    vars(peer)["make_codec"] = make_own_codec
    sys.exit(main())
