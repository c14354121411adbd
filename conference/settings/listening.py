"""Where people reach a server, and how it proves that it is the one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from conference.options.declaration import several, switch, value, whole
from conference.options.groups import TLS, WHERE
from conference.options.readers import read_file, read_port
from conference.settings.checks import check_allowed_origin, check_host, check_origin


@dataclass(frozen=True)
class ListeningSettings:
    """Addresses, proxies and certificates."""

    host: str = value(
        "127.0.0.1", WHERE, "the address to listen on: 127.0.0.1 for this machine only, 0.0.0.0 for everybody, :: for "
        "the same by IPv6", "ADDRESS", check=check_host,
    )  # fmt: skip
    port: int = value(
        8080, WHERE, "the TCP port of the page and the API; 0 takes a free one", "PORT", read_port, within=(0, 65535)
    )
    public_url: str | None = value(
        None, WHERE, "how others reach this server, e.g. https://talk.example.org; needed behind a proxy", "URL",
        check=partial(check_origin, "public-url"),
    )  # fmt: skip
    """An origin; ``None``: as they asked for."""

    behind_proxy: bool = switch(
        False, WHERE, "a reverse proxy stands in front: believe its X-Forwarded-For, X-Forwarded-Proto and "
        "X-Forwarded-Host",
    )  # fmt: skip
    trusted_proxies: int = whole(
        1, WHERE, "how many reverse proxies stand one behind the other: what others wrote before them is not believed",
        (1, 100),
    )  # fmt: skip
    """So many entries from the end are theirs."""

    allowed_origins: tuple[str, ...] = several(
        WHERE, "another site whose pages may use this server's API, e.g. https://intranet.example.org, or * for all; "
        "can be repeated", "ORIGIN", "allow-origin", str, check=check_allowed_origin,
    )  # fmt: skip

    frame_ancestors: tuple[str, ...] = several(
        WHERE, "another site whose pages may show the page in an <iframe>, and tell it to join, leave and mute, e.g. "
        "https://intranet.example.org; can be repeated", "ORIGIN", "frame-ancestors", str,
        check=partial(check_origin, "frame-ancestors"),
    )  # fmt: skip
    """By default no page may."""

    tls_cert: Path | None = value(
        None, TLS, "the certificate, with its chain, as PEM", "FILE", read_file
    )  # fmt: skip
    tls_key: Path | None = value(
        None, TLS, "the certificate's private key, as PEM (default: in the same file)", "FILE", read_file
    )  # fmt: skip
    tls_self_signed: bool = switch(
        False, TLS, "make a certificate for a trial in the local network; browsers will warn about it, once"
    )  # fmt: skip
