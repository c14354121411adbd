"""What can be set about captions."""

from __future__ import annotations

import re
from dataclasses import dataclass

from conference.captions.engines.base import EngineError
from conference.captions.engines.known import EngineSpec, check_engine, read_engine
from conference.options.declaration import SettingsError, seconds, switch, value, whole
from conference.options.groups import CAPTIONS


def _check_engine(spec: EngineSpec) -> None:
    try:
        check_engine(spec)
    except EngineError as error:
        raise SettingsError(f"captions: {error}") from None


def _read_language(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", text):
        raise ValueError(f"'{text}' is not a language: give its code, like en or de-AT.")
    return text


@dataclass(frozen=True)
class CaptionSettings:
    """What recognises speech, and how much of it there may be."""

    captions_engine: EngineSpec | None = value(
        None, CAPTIONS, "what turns speech into captions where a host asks for them: pocketsphinx, whisper:MODEL, "
        "vosk+ws://HOST:PORT, or python:MODULE:NAME; without it, nothing is ever recognised", "ENGINE", read_engine,
        name="captions", check=_check_engine,
    )  # fmt: skip
    captions_always: bool = switch(False, CAPTIONS, "caption every room, from its beginning")
    captions_language: str | None = value(
        None, CAPTIONS, "what is spoken, as a code like en or de-AT; without it, engines that can find out do so",
        "CODE", _read_language,
    )  # fmt: skip
    captions_processes: int = whole(
        0, CAPTIONS, "processes that recognise; 0: two where each uses one processor, else one", (0, 64)
    )  # fmt: skip
    captions_pause: float = seconds(
        0.4, CAPTIONS, "silence, after the end of a word, that ends a caption", (0.1, 5)
    )  # fmt: skip
    captions_max_utterance: float = seconds(
        20.0, CAPTIONS, "length of what somebody says without a pause", (2, 300),
        beyond="the caption ends, and another begins",
    )  # fmt: skip
    captions_max_waiting: int = whole(
        16 * 1024 * 1024, CAPTIONS, "sound that may wait for one process that does not keep up", (64 * 1024, 2**31),
        metavar="BYTES", beyond="not recognised",
    )  # fmt: skip
    captions_max_text: int = whole(
        1000, CAPTIONS, "characters of one caption", (40, 10_000), beyond="cut off",
    )  # fmt: skip
    captions_start: float = seconds(
        300.0, CAPTIONS, "how long a process may take to load its model", (1, 86_400),
        beyond="the process is started anew",
    )  # fmt: skip
    captions_hang: float = seconds(
        60.0, CAPTIONS, "how long a process may do nothing while sound waits for it", (1, 3600),
        beyond="the process is started anew",
    )  # fmt: skip
    captions_kept: int = whole(
        500, CAPTIONS, "captions of one room that are kept for those who join late", (0, 100_000),
        beyond="the oldest are forgotten",
    )  # fmt: skip
    captions_kept_seconds: float = seconds(
        3600.0, CAPTIONS, "how long they are kept", (0, 604_800), beyond="forgotten"
    )  # fmt: skip

    @property
    def processes(self) -> int:
        """How many there are to be."""
        if self.captions_engine is None:
            return 0
        return self.captions_processes or self.captions_engine.processes
