"""Who the server is in DTLS: one certificate for all connections, and OpenSSL's settings, made once.

A peer knows a certificate by the fingerprint in the SDP (RFC 8122), so one serves everybody. A key, a certificate and
an OpenSSL context for each connection would take 0.5 ms and tens of kilobytes each.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import pylibsrtp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from conference.self_signed import self_signed

VALID_DAYS = 365
"""Peers trust the fingerprint, not the dates; these are for those who look all the same."""

_SUITES = ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305", "AES128-SHA", "AES256-SHA")
_CIPHERS = ":".join(f"ECDHE-{key}-{suite}" for suite in _SUITES for key in ("ECDSA", "RSA")).encode()
"""By the key of the server's certificate. Ours is ECDSA; a peer that is the server may have an RSA one."""

_DIGESTS: dict[str, hashes.HashAlgorithm] = {
    "sha-512": hashes.SHA512(),
    "sha-384": hashes.SHA384(),
    "sha-256": hashes.SHA256(),
    "sha-224": hashes.SHA224(),
    "sha-1": hashes.SHA1(),  # noqa: S303 - nobody can find a second certificate with the same one
}
DIGEST_BYTES = {name: digest.digest_size for name, digest in _DIGESTS.items()}
"""The hash functions for certificates (RFC 8122 section 5), best first, with the lengths of what they give. MD5 and MD2
"MUST NOT be used"."""


@dataclass(frozen=True, slots=True)
class SrtpProfile:
    """A protection profile (RFC 5764 section 4.1.2, RFC 7714 section 14.2)."""

    name: bytes
    """OpenSSL's."""

    number: int
    """libsrtp's."""

    key_bytes: int
    salt_bytes: int


def _available() -> tuple[SrtpProfile, ...]:
    """Those that this libsrtp was built with, best first."""
    policy = pylibsrtp.Policy
    wanted = (
        SrtpProfile(b"SRTP_AEAD_AES_256_GCM", policy.SRTP_PROFILE_AEAD_AES_256_GCM, 32, 12),
        SrtpProfile(b"SRTP_AEAD_AES_128_GCM", policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12),
        SrtpProfile(b"SRTP_AES128_CM_SHA1_80", policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14),
        SrtpProfile(b"SRTP_AES128_CM_SHA1_32", policy.SRTP_PROFILE_AES128_CM_SHA1_32, 16, 14),
    )
    found = []
    for one in wanted:
        try:
            policy(srtp_profile=one.number)
        except pylibsrtp.Error:
            continue
        found.append(one)
    return tuple(found)


SRTP_PROFILES = _available()


class Certificate:
    """A new key, self-signed, and the context that all DTLS connections share."""

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        # "a random common name": nothing in it may tell who or where we are (RFC 8827 section 6.5).
        certificate = self_signed(key, secrets.token_hex(16), VALID_DAYS)
        self.fingerprint = fingerprint(certificate, "sha-256")
        """SHA-256, as ``a=fingerprint`` writes it."""

        self.context = SSL.Context(SSL.DTLS_METHOD)
        self.context.set_options(SSL.OP_NO_TICKET)
        self.context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        self.context.set_mode(SSL.MODE_RELEASE_BUFFERS)
        # Any certificate will do here: it is compared with the fingerprint when the handshake is through.
        self.context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, _accept)
        self.context.use_certificate(certificate)
        self.context.use_privatekey(key)
        self.context.set_cipher_list(_CIPHERS)
        self.context.set_tlsext_use_srtp(b":".join(one.name for one in SRTP_PROFILES))


def fingerprint(certificate: x509.Certificate, digest: str) -> str:
    """A certificate's fingerprint (RFC 8122 section 5): hexadecimal pairs, upper case, with colons.

    Raises:
        KeyError: the digest is unknown.
    """
    return certificate.fingerprint(_DIGESTS[digest]).hex(":").upper()


def matches(certificate: x509.Certificate, fingerprints: tuple[tuple[str, str], ...]) -> bool:
    """Whether a certificate is one of those that an offer names, each by a digest's name and a value.

    "An endpoint MUST select the set of fingerprints for its most preferred hash function ... and verify that each
    certificate used matches one fingerprint out of that set" (RFC 8122 section 5).
    """
    named = [digest for digest, _ in fingerprints]
    best = next((digest for digest in _DIGESTS if digest in named), None)
    if best is None:
        return False
    computed = fingerprint(certificate, best)
    return any(digest == best and value.upper() == computed for digest, value in fingerprints)


def _accept(*_: object) -> bool:
    return True
