"""Arguments that several commands take, read and checked for argparse."""

from __future__ import annotations

import argparse
from urllib.parse import urlsplit


def server_url(text: str) -> str:
    """The address of a server, ``http://`` unless it says otherwise, without a slash at its end.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    url = (text if "://" in text else f"http://{text}").rstrip("/")
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment:
        raise argparse.ArgumentTypeError(f"'{text}' is not the address of a server, like http://127.0.0.1:8080")
    return url
