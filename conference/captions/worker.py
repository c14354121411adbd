"""A process that recognises what is said.

    python -m conference.captions.worker ENGINE [LANGUAGE]

It takes orders from its standard input, and reports on its standard output (`captions.wire`). Each utterance has a
thread, so that one that waits for a server somewhere does not keep the others waiting. It is gone when its standard
input ends, or whoever started it does.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from typing import BinaryIO, Final

import numpy as np

from conference.audio.frame import SAMPLE_RATE, Samples
from conference.audio.resample import Resampler
from conference.captions.engines.base import RATE, Engine, EngineError, Heard, Recognizer
from conference.captions.engines.known import load_engine, read_engine
from conference.captions.wire import HEAD, Order, Report, read_number, read_orders, read_packet
from conference.capture.recipes import make_decoder
from conference.codecs.base import DecodeError, Decoder

NICENESS: Final = 5
"""Ticks come first."""

FAILED: Final = 3
"""Exit status: the engine cannot be had."""

_MAX_SILENCE: Final = 10 * SAMPLE_RATE
_PR_SET_PDEATHSIG: Final = 1  # prctl(2)


class Reports:
    """Writes reports, from any thread."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._lock = threading.Lock()

    def write(self, report: Report) -> None:
        """Write one."""
        with self._lock:
            self._file.write(report.line())
            self._file.flush()


class Sound:
    """Makes sound for an engine of the orders of one utterance."""

    def __init__(self) -> None:
        self._decoders: dict[str, Decoder] = {}
        self._resampler = Resampler(SAMPLE_RATE, RATE)

    def take(self, kind: int, body: bytes) -> Samples:
        """What an order brings: shape ``(n,)``, int16, 16 kHz. What cannot be decoded brings nothing."""
        return self._resampler.process(self._samples(kind, body))

    def _samples(self, kind: int, body: bytes) -> Samples:
        match kind:
            case Order.SAMPLES:
                return np.frombuffer(body, dtype="<i2").astype(np.int16)
            case Order.SILENCE:
                return np.zeros(min(read_number(body)[0], _MAX_SILENCE), dtype=np.int16)
            case Order.PACKET:
                codec, payload = read_packet(body)
                try:
                    return self._decoder(codec).decode(payload)
                except DecodeError:
                    pass
            case Order.LOST:
                duration, codec = read_number(body)
                return self._decoder(codec).conceal(min(duration, _MAX_SILENCE))
        return np.zeros(0, dtype=np.int16)

    def _decoder(self, codec: str) -> Decoder:
        decoder = self._decoders.get(codec)
        if decoder is None:
            decoder = self._decoders[codec] = make_decoder(codec)
        return decoder


class Utterance:
    """Recognises one utterance, in a thread of its own.

    Args:
        number: the server's.
        engine: makes the recogniser.
        reports: where what is heard goes.
    """

    def __init__(self, number: int, engine: Engine, reports: Reports) -> None:
        self._number = number
        self._engine = engine
        self._reports = reports
        self._orders: queue.SimpleQueue[tuple[int, bytes]] = queue.SimpleQueue()
        self._partial = ""
        self._final = False  # since the last partial
        threading.Thread(target=self._run, name=f"utterance {number}", daemon=True).start()

    def put(self, kind: int, body: bytes) -> None:
        """Take an order."""
        self._orders.put((kind, body))

    def _run(self) -> None:
        trouble: str | None = None
        try:
            self._recognize(self._engine())
        except EngineError as error:
            trouble = str(error)
        except Exception as error:
            traceback.print_exc()
            trouble = f"the engine failed ({type(error).__name__})."
        self._reports.write(Report(utterance=self._number, over=True, trouble=trouble))

    def _recognize(self, recognizer: Recognizer) -> None:
        sound, over = Sound(), False
        while not over:
            orders = self._waiting()
            over = orders[-1][0] == Order.END
            samples = [sound.take(kind, body) for kind, body in orders]
            self._tell(recognizer.hear(np.concatenate(samples)))
            self._reports.write(Report(utterance=self._number, taken=sum(HEAD.size + len(body) for _, body in orders)))
        self._tell(recognizer.end())

    def _waiting(self) -> list[tuple[int, bytes]]:
        """All orders that have come, at least one: of somebody who is behind, all in one go."""
        orders = [self._orders.get()]
        while orders[-1][0] != Order.END:
            try:
                orders.append(self._orders.get_nowait())
            except queue.Empty:
                break
        return orders

    def _tell(self, heard: Sequence[Heard]) -> None:
        """Report what was heard: for good, all of it; else the last, if it is new."""
        for place, one in enumerate(heard):
            if one.final:
                self._partial = ""
            elif place + 1 < len(heard) or one.text == self._partial:
                continue
            else:
                self._partial = one.text
            self._reports.write(Report(utterance=self._number, heard=one))


def serve(orders: BinaryIO, reports: Reports, engine: Engine) -> None:
    """Carry out orders until no more come."""
    utterances: dict[int, Utterance] = {}
    for kind, number, body in read_orders(orders):
        utterance = utterances.get(number)
        if utterance is None:
            utterance = utterances[number] = Utterance(number, engine, reports)
        utterance.put(kind, body)
        if kind == Order.END:
            del utterances[number]


def _die_with_parent() -> None:
    """Be gone if whoever started this is killed. Only Linux has that; elsewhere the standard input ends."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main(arguments: list[str]) -> int:
    """Recognise until the standard input ends."""
    _die_with_parent()
    os.nice(NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the whole terminal; the server says when it is over
    reports = Reports(os.fdopen(os.dup(1), "wb"))
    os.dup2(2, 1)  # what libraries print is no report
    try:
        engine = load_engine(read_engine(arguments[0]), arguments[1] if len(arguments) > 1 else None)
    except EngineError as error:
        reports.write(Report(failed=str(error)))
        return FAILED
    except Exception as error:  # of whatever was imported
        traceback.print_exc()
        reports.write(Report(failed=f"the engine cannot be loaded ({type(error).__name__}: {error})."))
        return FAILED
    reports.write(Report(ready=True))
    serve(sys.stdin.buffer, reports, engine)
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    os._exit(status)  # threads that still recognise, or wait, do not matter any more
