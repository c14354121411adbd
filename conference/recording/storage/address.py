"""Where recordings are kept: a folder of this machine, or a part of a bucket."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from conference.options.readers import read_folder

SCHEME: Final = "s3://"

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PART = re.compile(r"[A-Za-z0-9!_.*'()=+@, -]{1,255}")
"""What is safe in a key (Amazon S3 User Guide, "Naming Amazon S3 objects"), and a few that are as good."""

_MAX_PREFIX_CHARS = 512  # a key has 1024 bytes at most


@dataclass(frozen=True, slots=True)
class ObjectAddress:
    """A part of a bucket: the objects whose keys begin with a prefix."""

    bucket: str
    prefix: str
    """Without a slash at its ends; empty for the whole bucket."""

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.prefix}".rstrip("/")

    def key(self, *parts: str) -> str:
        """The key of an object in it."""
        return "/".join(filter(None, (self.prefix, *parts)))


def read_place(text: str) -> Path | ObjectAddress:
    """A folder that can be written to, or ``s3://BUCKET/PREFIX``.

    Raises:
        ValueError: with a sentence that says what would be right.
    """
    if text.startswith(SCHEME):
        return read_address(text)
    if "://" in text:
        raise ValueError(f"'{text}' is neither a folder nor s3://BUCKET/PREFIX.")
    return read_folder(text)


def read_address(text: str) -> ObjectAddress:
    """A part of a bucket, as ``s3://BUCKET/PREFIX``; the prefix may be missing.

    Raises:
        ValueError: with a sentence that says what would be right.
    """
    bucket, _, prefix = text.removeprefix(SCHEME).partition("/")
    if not text.startswith(SCHEME) or not _BUCKET.fullmatch(bucket) or ".." in bucket:
        raise ValueError(f"'{text}' names no bucket: it is s3://BUCKET/PREFIX, the bucket 3 to 63 of a-z 0-9 . -")
    prefix = prefix.rstrip("/")
    parts = prefix.split("/") if prefix else []
    if len(prefix) > _MAX_PREFIX_CHARS or not all(_PART.fullmatch(one) and one.strip(".") for one in parts):
        raise ValueError(f"'{text}' has a prefix that not every program could find again: use letters and digits.")
    return ObjectAddress(bucket, prefix)


def read_endpoint(text: str) -> str:
    """The address of an object storage.

    Raises:
        ValueError: with a sentence that says what would be right.
    """
    try:
        parts = urlsplit(text)
        found = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        found = False
    if not found or parts.query or parts.fragment or not text.isprintable() or " " in text:
        raise ValueError(
            f"'{text}' is not the address of an object storage: it is like https://minio.example.org:9000."
        )
    return text.rstrip("/")
