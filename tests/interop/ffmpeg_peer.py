"""A participant on FFmpeg's WHIP muxer, which sends and does not hear: joins, and sends a tone until it is to leave.

    python ffmpeg_peer.py ENDPOINT FREQUENCY DBFS CERTIFICATE.pem KEY.pem FLAGS

Lines on standard output are JSON, one per event: {"event": "connected"}, {"event": "left"}. The end of standard input
asks it to leave. A failure ends it with status 1.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from fractions import Fraction

import av
import numpy as np

RATE, FRAME = 48_000, 960


def tone_frame(number: int, frequency: float, dbfs: float) -> av.AudioFrame:
    """20 ms of the tone, in stereo: the muxer takes nothing else."""
    position = number * FRAME + np.arange(FRAME)
    mono = 32767 * 10 ** (dbfs / 20) * np.sin(2 * np.pi * frequency * position / RATE)
    frame = av.AudioFrame.from_ndarray(np.repeat(mono.astype(np.int16), 2)[np.newaxis], "s16", "stereo")
    frame.sample_rate, frame.pts, frame.time_base = RATE, number * FRAME, Fraction(1, RATE)
    return frame


def wait_for_the_end(asked: threading.Event) -> None:
    sys.stdin.read()
    asked.set()


def main() -> None:
    endpoint, frequency, dbfs, certificate, key, flags = sys.argv[1:]
    asked = threading.Event()
    threading.Thread(target=wait_for_the_end, args=(asked,), daemon=True).start()
    options = {"cert_file": certificate, "key_file": key, "whip_flags": flags}
    with av.open(endpoint, "w", format="whip", options=options) as whip:
        stream = whip.add_stream("libopus", RATE, layout="stereo", bit_rate=64_000)
        whip.start_encoding()  # the whole of joining
        print(json.dumps({"event": "connected"}), flush=True)
        start = time.monotonic()
        number = 0
        while not asked.is_set():
            whip.mux(stream.encode(tone_frame(number, float(frequency), float(dbfs))))
            number += 1
            time.sleep(max(0.0, start + number * FRAME / RATE - time.monotonic()))
    print(json.dumps({"event": "left"}), flush=True)


main()
