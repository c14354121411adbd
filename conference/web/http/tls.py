"""HTTPS: the operator's certificate, or one made on the spot for a trial in the local network."""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from conference.self_signed import self_signed
from conference.settings import Settings, SettingsError

VALID_DAYS = 30
"""How long a certificate made here is good for."""


def make_ssl_context(settings: Settings) -> ssl.SSLContext | None:
    """The context to serve HTTPS with; ``None`` for plain HTTP.

    Raises:
        SettingsError: the certificate or its key cannot be used.
    """
    if not settings.tls:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    if settings.tls_self_signed:
        _load_from_memory(context, self_signed_certificate(host_names(settings)))
        return context
    assert settings.tls_cert is not None  # noqa: S101 - what `tls` says
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key, password=_no_password)
    except ssl.SSLError as error:
        mismatch = error.reason == "KEY_VALUES_MISMATCH"
        reason = "the key is not the certificate's" if mismatch else "it must be PEM, a certificate and its key"
        raise SettingsError(f"tls-cert: {settings.tls_cert} cannot be used: {reason}.") from None
    except (OSError, ValueError) as error:
        raise SettingsError(f"tls-cert: {settings.tls_cert} cannot be used: {error}.") from None
    return context


def host_names(settings: Settings) -> list[str]:
    """The names and addresses that this machine may be called by."""
    names = ["localhost", "127.0.0.1", "::1", socket.gethostname(), settings.host, *settings.announce_ips]
    names += local_addresses()
    return [name for name in dict.fromkeys(names) if name not in ("", "0.0.0.0", "::")]  # noqa: S104 - left out


def local_addresses() -> list[str]:
    """The machine's own addresses that others may reach it at, the most likely first; perhaps none."""
    found = []
    # Connecting a UDP socket sends nothing: it asks the routing table which of our addresses would be used.
    for family, target in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((target, 9))
                found.append(str(probe.getsockname()[0]))
        except OSError:
            continue  # no route of this family
    with suppress(OSError):  # the machine's name leads nowhere: common, and harmless here
        found += [str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None)]
    usable = [one for one in dict.fromkeys(found) if "%" not in one and not ipaddress.ip_address(one).is_loopback]
    return [one for one in usable if not ipaddress.ip_address(one).is_link_local]


def addresses_at(host: str) -> list[str]:
    """Where a socket on a host is reached, the likeliest first; on all addresses, by which of them, and by loopback.

    A socket on ``::`` takes no IPv4 here (asyncio sets ``IPV6_V6ONLY``), nor does one on ``0.0.0.0`` take IPv6.
    """
    if host == "::":
        return [*(one for one in local_addresses() if ":" in one), "::1"]
    if host == "0.0.0.0":  # noqa: S104 - compared, not bound
        return [*(one for one in local_addresses() if ":" not in one), "127.0.0.1"]
    return [host]


def self_signed_certificate(names: Iterable[str]) -> bytes:
    """A fresh key and a certificate for ``names``, as one PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = self_signed(
        key,
        "conference (self-signed)",
        VALID_DAYS,
        [
            (x509.SubjectAlternativeName([_general_name(name) for name in names]), False),
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        ],
    )
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(serialization.Encoding.PEM)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name.encode("idna").decode() if not name.isascii() else name)


def _load_from_memory(context: ssl.SSLContext, pem: bytes) -> None:
    """Load a certificate. ``ssl`` reads files only: one is made that nobody else can read, and removed at once."""
    handle, path = tempfile.mkstemp(suffix=".pem")  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
        context.load_cert_chain(path)
    finally:
        Path(path).unlink()


def _no_password() -> str:
    """Give no password for an encrypted key. Otherwise OpenSSL would stop and ask at the terminal."""
    raise ValueError("its key is protected by a password")
