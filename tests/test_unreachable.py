"""Why there is no connection, in words: nothing of what a library calls it."""

from __future__ import annotations

import errno
import ssl

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from yarl import URL

from conference.unreachable import reason

KEY = ConnectionKey("h", 1, True, True, None, None, None)
INFO = aiohttp.RequestInfo(URL("http://h"), "GET", {}, URL("http://h"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(), "in time"),
        (aiohttp.ServerTimeoutError(), "in time"),
        (aiohttp.ClientConnectorError(KEY, OSError(errno.ECONNREFUSED, "x")), "connection refused"),
        (aiohttp.ClientConnectorError(KEY, OSError("Multiple exceptions: [Errno 111]")), "the connection failed"),
        (aiohttp.ClientConnectorDNSError(KEY, OSError(-2, "Name or service not known")), "no such host"),
        (aiohttp.ClientConnectorSSLError(KEY, ssl.SSLError(1, "WRONG_VERSION_NUMBER")), "does not speak TLS"),
        (aiohttp.ClientConnectorCertificateError(KEY, ssl.SSLCertVerificationError(1, "x")), "--insecure"),
        (ssl.SSLError(1, "WRONG_VERSION_NUMBER"), "does not speak TLS"),
        (aiohttp.ClientOSError(errno.ECONNRESET, "x"), "connection reset"),
        (ConnectionResetError(errno.ECONNRESET, "x"), "connection reset"),
        (aiohttp.ServerDisconnectedError(), "perhaps it expects TLS"),
        (aiohttp.ClientResponseError(INFO, (), status=400, message="Bad status line"), "does not speak HTTP"),
        (aiohttp.ClientPayloadError("Response payload is not completed"), "not this kind of server"),
        (aiohttp.InvalidURL("x"), "no address"),
        (ValueError("Chunk too big"), "not this kind of server"),
    ],
)
def test_every_error_has_words_for_people(error: BaseException, words: str) -> None:
    said = reason(error)
    assert words in said
    assert not {"Errno", "SSL", "Cannot connect", "[", "exception"} & set(said.replace("[", " [ ").split())
    assert not said.endswith(".")
