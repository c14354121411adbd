"""Which engines there are, what `--captions` says of them, and how they are loaded."""

from __future__ import annotations

import importlib
import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from conference.captions.engines.base import Engine, EngineError

Kind: TypeAlias = Literal["pocketsphinx", "whisper", "vosk", "python"]

_EXAMPLES = "pocketsphinx, whisper:MODEL, vosk+ws://HOST:PORT or python:MODULE:NAME"
_NEEDED: dict[str, tuple[str, str]] = {
    "pocketsphinx": ("pocketsphinx", "pocketsphinx"),
    "whisper": ("faster_whisper", "whisper"),
}
"""The module that an engine needs, and the extra that brings it."""

_MODEL_FILE = "model.bin"


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """An engine, as it was asked for."""

    kind: Kind
    argument: str = ""
    """The model's name or folder, the server's address, or what is to be imported."""

    @property
    def text(self) -> str:
        """As it is written."""
        if self.kind == "vosk":
            return f"vosk+{self.argument}"
        return f"{self.kind}:{self.argument}" if self.argument else self.kind

    @property
    def processes(self) -> int:
        """How many processes are worth it: as many as may talk at once where each of them uses one processor."""
        return 2 if self.kind in ("pocketsphinx", "python") else 1


def read_engine(text: str) -> EngineSpec:
    """An engine from text.

    Raises:
        ValueError: with a sentence that says what would be right.
    """
    kind, _, argument = text.partition(":")
    match kind:
        case "pocketsphinx" if not argument:
            return EngineSpec("pocketsphinx")
        case "whisper" if argument:
            return EngineSpec("whisper", argument)
        case "vosk+ws" | "vosk+wss":
            return EngineSpec("vosk", _address(text.removeprefix("vosk+")))
        case "python" if re.fullmatch(r"[^\W\d][\w.]*:[^\W\d][\w.]*", argument):
            return EngineSpec("python", argument)
    raise ValueError(f"'{text}' is not an engine: give {_EXAMPLES}.")


def _address(text: str) -> str:
    try:
        parts = urlsplit(text)
        good = bool(parts.hostname) and parts.port != 0 and text.isprintable() and " " not in text
    except ValueError:
        good = False
    if not good:
        raise ValueError("the address of a Vosk server looks like vosk+ws://127.0.0.1:2700.")
    return text


def check_engine(spec: EngineSpec) -> None:
    """Find out whether an engine can be loaded, as far as that takes no time.

    Raises:
        EngineError: it cannot; with what to install, or to give in its place.
    """
    needed = _NEEDED.get(spec.kind)
    if needed is not None and importlib.util.find_spec(needed[0]) is None:
        raise EngineError(f"{spec.kind} is not installed: pip install 'conference[{needed[1]}]'.")
    if spec.kind == "whisper":
        _check_model(spec.argument)
    if spec.kind == "python":
        module = spec.argument.partition(":")[0]
        try:
            found = importlib.util.find_spec(module)
        except (ImportError, ValueError):
            found = None
        if found is None:
            raise EngineError(f"there is no Python module '{module}' here.")


def _check_model(model: str) -> None:
    """A folder has to hold a model; what is no folder is the name of one on the hub."""
    folder = Path(model).expanduser()
    if folder.is_dir():
        if not (folder / _MODEL_FILE).is_file():
            raise EngineError(f"there is no {_MODEL_FILE} in {folder}: it is not a model of faster-whisper.")
    elif model.startswith(("/", ".", "~")):
        raise EngineError(f"there is no folder {folder}.")


def load_engine(spec: EngineSpec, language: str | None) -> Engine:
    """Load an engine, and its model, which may take a while.

    Args:
        spec: which.
        language: what is spoken, as in BCP 47; ``None`` if nobody said: then an engine that can finds out.

    Raises:
        EngineError: it cannot be had.
    """
    check_engine(spec)
    match spec.kind:  # imported here, since each of them needs something that others do without
        case "pocketsphinx":
            from conference.captions.engines.pocketsphinx import load_pocketsphinx

            return load_pocketsphinx()
        case "whisper":
            from conference.captions.engines.whisper import load_whisper

            return load_whisper(spec.argument, language)
        case "vosk":
            from conference.captions.engines.vosk import load_vosk

            return load_vosk(spec.argument)
        case "python":
            return _import(spec.argument)


def _import(path: str) -> Engine:
    module, _, name = path.partition(":")
    found: object = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise EngineError(f"'{name}' of the module '{module}' is nothing that makes recognisers.")
    return found
