"""A certificate that nobody but its own key vouches for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

BEFORE: Final = dt.timedelta(days=1)
"""So long it has been valid when it is made: clocks may be slow."""


def self_signed(
    key: ec.EllipticCurvePrivateKey,
    common_name: str,
    days: int,
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
) -> x509.Certificate:
    """Make a certificate of a key, signed with it.

    Args:
        key: new, or an old one.
        common_name: of subject and issuer.
        days: for so many from now on it is valid.
        extensions: each with whether it is critical.
    """
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BEFORE)
        .not_valid_after(now + dt.timedelta(days=days))
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(key, hashes.SHA256())
