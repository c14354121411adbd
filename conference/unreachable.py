"""Why there is no connection to a server, or a server can take none, in words for people."""

from __future__ import annotations

import asyncio
import os
import ssl

import aiohttp


def reason(error: BaseException) -> str:
    """Why a request got no answer: the end of a sentence, without the addresses that were tried and without a stop.

    Args:
        error: what aiohttp, or the system, raised.
    """
    match error:
        case TimeoutError() | asyncio.TimeoutError():
            return "it did not answer in time"
        case aiohttp.ClientConnectorCertificateError():
            return "nobody vouches for its certificate; --insecure takes it all the same"
        case aiohttp.ClientConnectorDNSError():
            return "there is no such host"
        case aiohttp.ClientConnectorError():
            return _of_system(error.os_error)
        case aiohttp.ClientOSError() | OSError():
            return _of_system(error)
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return "that is no address"
        case aiohttp.ServerDisconnectedError():
            return "it closed the connection without an answer: perhaps it expects TLS (https, wss)"
        case aiohttp.ClientResponseError() if error.status in (0, 400):
            return "what answers there does not speak HTTP: perhaps it expects TLS (https, wss)"
        case _:
            return "what answers there is not this kind of server"


def cannot_listen(error: OSError) -> str:
    """Why nothing can be listened for at an address: the end of a sentence, without a stop."""
    # asyncio wraps the system's words in its own; the number still tells
    if error.errno and error.errno > 0:
        return os.strerror(error.errno).lower()
    return (error.strerror or str(error)).lower()  # of a name server: its numbers are negative


def _of_system(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "nobody vouches for its certificate; --insecure takes it all the same"
    if isinstance(error, ssl.SSLError):  # its errno is a number of OpenSSL's, which the system knows as something else
        return "it does not speak TLS there: perhaps http or ws is right instead of https or wss"
    number = error.errno
    return os.strerror(number).lower() if number is not None and number > 0 else "the connection failed"
