"""PocketSphinx: American English, with the model that comes with its package. For tests and trials."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

import pocketsphinx

from conference.audio.frame import Samples
from conference.captions.engines.base import RATE, Engine, EngineError, Heard, Recognizer

_FRAMES_PER_SECOND: Final = 100
_NOT_A_WORD: Final = re.compile(r"[<\[].*|")
_VARIANT: Final = re.compile(r"\(\d+\)$")
"""How the dictionary tells pronunciations of one word apart."""


def load_pocketsphinx() -> Engine:
    """Load the model. A decoder takes half a second to make, so each is used again.

    Raises:
        EngineError: there is no model.
    """
    decoders = _Decoders()
    decoders.give_back(decoders.take())
    return lambda: _Pocketsphinx(decoders)


class _Decoders:
    """Those that nobody uses; each with what it takes for the background before it has heard any."""

    def __init__(self) -> None:
        self._free: list[tuple[Any, str]] = []
        self._lock = threading.Lock()

    def take(self) -> tuple[Any, str]:
        with self._lock:
            if self._free:
                return self._free.pop()
        try:
            decoder = pocketsphinx.Decoder(samprate=float(RATE), loglevel="FATAL")
        except RuntimeError as error:
            raise EngineError(f"PocketSphinx cannot be started: {error}.") from None
        return decoder, decoder.get_cmn(False)

    def give_back(self, decoder: tuple[Any, str]) -> None:
        with self._lock:
            self._free.append(decoder)


class _Pocketsphinx:
    """One utterance. Satisfies `Recognizer`."""

    def __init__(self, decoders: _Decoders) -> None:
        self._decoders = decoders
        self._decoder = decoders.take()
        decoder, background = self._decoder
        decoder.set_cmn(background)  # that of whoever spoke before is not theirs
        decoder.start_utt()

    def hear(self, samples: Samples) -> Sequence[Heard]:
        """See `Recognizer.hear`."""
        decoder = self._decoder[0]
        decoder.process_raw(samples.astype("<i2", copy=False).tobytes(), False, False)
        hypothesis = decoder.hyp()
        if hypothesis is None or not hypothesis.hypstr:
            return ()
        return (Heard(hypothesis.hypstr, final=False),)

    def end(self) -> Sequence[Heard]:
        """See `Recognizer.end`."""
        decoder = self._decoder[0]
        decoder.end_utt()
        words = [] if decoder.hyp() is None else words_of(decoder.seg() or ())
        self._decoders.give_back(self._decoder)
        if not words:
            return ()
        text = " ".join(word for word, _, _ in words)
        return (Heard(text, final=True, begins_s=words[0][1], ends_s=words[-1][2]),)


def words_of(segments: Any) -> list[tuple[str, float, float]]:
    """The words of a hypothesis, each with when it begins and ends, in seconds: without silence and noises."""
    return [
        (_VARIANT.sub("", one.word), one.start_frame / _FRAMES_PER_SECOND, (one.end_frame + 1) / _FRAMES_PER_SECOND)
        for one in segments
        if not _NOT_A_WORD.fullmatch(one.word)
    ]


_: Callable[[_Decoders], Recognizer] = _Pocketsphinx
