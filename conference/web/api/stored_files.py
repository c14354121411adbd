"""Files that are in an object storage, sent through the server, with ranges (RFC 9110, section 14)."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Final

from aiohttp import web
from multidict import CIMultiDict

from conference.recording.kept_recordings import StoredFile
from conference.recording.storage.objects import NoSuchObject, StorageError
from conference.web.http.problems import Problem

log = logging.getLogger(__name__)

GONE: Final = "This file is gone from where recordings are kept."
RETRY: Final = {"Retry-After": "10"}
"""With what an object storage does not do just now."""


async def send_object(request: web.Request, file: StoredFile, headers: Mapping[str, str]) -> web.StreamResponse:
    """Answer with a file, or the range of it that was asked for.

    Args:
        request: a GET or a HEAD.
        file: which.
        headers: of the answer, with its type.

    Raises:
        Problem: the storage does not have it (404), cannot be asked (503), or there is no such range (416).
    """
    part = _asked_for(request, file.size)
    first, last = part or (0, file.size - 1)
    fields = CIMultiDict(headers)
    fields["Accept-Ranges"] = "bytes"
    if part is not None:
        fields["Content-Range"] = f"bytes {first}-{last}/{file.size}"
    response = web.StreamResponse(status=200 if part is None else 206, headers=fields)
    response.content_length = last + 1 - first
    if request.method == "HEAD" or not file.size:
        await response.prepare(request)
        return response
    try:
        pieces = await file.read(part)
    except NoSuchObject:
        raise Problem(404, GONE) from None
    except StorageError as error:
        log.warning("recording %s: %s %s", file.recording_id, error, error.detail)
        raise Problem(503, f"It cannot be had now. {error}", headers=RETRY) from None
    await _send(request, response, pieces, last + 1 - first)
    return response


async def _send(request: web.Request, response: web.StreamResponse, pieces: AsyncIterator[bytes], length: int) -> None:
    """Send the pieces. If they break off, so does the connection: whoever reads it knows that it is not all."""
    sent = 0
    try:
        await response.prepare(request)
        async for piece in pieces:
            await response.write(piece)
            sent += len(piece)
    except StorageError as error:
        log.warning("%s: sent %d of %d bytes: %s %s", request.path, sent, length, error, error.detail)
    finally:
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()
    if sent < length:
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError


def _asked_for(request: web.Request, size: int) -> tuple[int, int] | None:
    """The first and the last byte of the range that is asked for; ``None`` for the whole.

    Raises:
        Problem: there is no such range (416).
    """
    if "Range" not in request.headers or "If-Range" in request.headers:  # we gave nothing that it could name
        return None
    try:
        asked = request.http_range
    except ValueError:
        raise _no_range(size) from None
    start = 0 if asked.start is None else asked.start
    first = max(0, size + start) if start < 0 else start
    last = size - 1 if asked.stop is None else min(asked.stop, size) - 1
    if not first <= last:
        raise _no_range(size)
    return first, last


def _no_range(size: int) -> Problem:
    return Problem(416, "The file has no such range.", headers={"Content-Range": f"bytes */{size}"})
