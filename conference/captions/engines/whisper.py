"""Whisper, by faster-whisper: reads an utterance as a whole, and what there is of it again and again meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from conference.audio.frame import Samples
from conference.captions.engines.base import RATE, Engine, EngineError, Heard, Recognizer

PARTIAL_EVERY_S: Final = 1.0
"""So much more has to be said before what there is of an utterance is read again."""

_NOTHING: Final = 0.6
"""What is more likely than this to be no speech at all is left out: of noise, Whisper makes sentences."""


def load_whisper(model: str, language: str | None) -> Engine:
    """Load a model.

    Args:
        model: its folder, or its name on the hub, from which it is fetched once.
        language: what is spoken, as in BCP 47; ``None`` to find out for each utterance.

    Raises:
        EngineError: it cannot be loaded.
    """
    import faster_whisper  # here, since it takes seconds

    folder = Path(model).expanduser()
    try:
        loaded = faster_whisper.WhisperModel(str(folder) if folder.is_dir() else model, compute_type="auto")
    except Exception as error:  # whatever is wrong with a file, the network, a driver
        raise EngineError(f"the Whisper model {model} cannot be loaded: {error}") from error
    spoken = None if language is None or not loaded.model.is_multilingual else language.partition("-")[0]
    lock = threading.Lock()
    return lambda: _Whisper(loaded, lock, spoken)


class _Whisper:
    """One utterance. Satisfies `Recognizer`."""

    def __init__(self, model: Any, lock: threading.Lock, language: str | None) -> None:
        self._model = model
        self._lock = lock  # one after another: the model itself uses all processors
        self._language = language
        self._heard: list[Samples] = []
        self._unread = 0

    def hear(self, samples: Samples) -> Sequence[Heard]:
        """See `Recognizer.hear`."""
        self._heard.append(samples)
        self._unread += len(samples)
        if self._unread < PARTIAL_EVERY_S * RATE:
            return ()
        self._unread = 0
        return _as_one(self._read(words=False), final=False)

    def end(self) -> Sequence[Heard]:
        """See `Recognizer.end`."""
        return _as_one(self._read(words=True), final=True) if self._heard else ()

    def _read(self, *, words: bool) -> list[Any]:
        """Read all that was said. Only with ``words`` is it known exactly when: that takes longer."""
        self._heard = [np.concatenate(self._heard)]
        sound = self._heard[0].astype(np.float32) / 32768.0
        with self._lock:
            segments, _ = self._model.transcribe(
                sound, language=self._language, beam_size=1, condition_on_previous_text=False, word_timestamps=words
            )
            return [one for one in segments if one.no_speech_prob <= _NOTHING]


def _as_one(segments: Sequence[Any], *, final: bool) -> Sequence[Heard]:
    """What was read, as one piece of text."""
    text = " ".join(one.text.strip() for one in segments).strip()
    if not text:
        return ()
    words = [word for one in segments for word in one.words or ()]
    begins_s, ends_s = (words[0].start, words[-1].end) if words else (segments[0].start, segments[-1].end)
    return (Heard(text, final, begins_s=float(begins_s), ends_s=float(ends_s)),)


_: Callable[[Any, threading.Lock, str | None], Recognizer] = _Whisper
