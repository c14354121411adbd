"""Handshakes with DTLS stacks that are not ours: other keys, other cipher suites, other SRTP profiles."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import cast

import pylibsrtp
import pytest
from aiortc.rtcdtlstransport import SRTP_PROFILES as STOCK_PROFILES
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from OpenSSL import SSL

from conference.webrtc.dtls.certificate import SRTP_PROFILES, Certificate, fingerprint, matches
from conference.webrtc.dtls.handshake import Dtls
from conference.webrtc.rtp.srtp import SrtpSession
from tests.webrtc.certificates import Key, self_signed

OURS = Certificate()
KEYS: dict[str, Key] = {
    "RSA, 2048 bits": rsa.generate_private_key(65537, 2048),
    "P-256": ec.generate_private_key(ec.SECP256R1()),
    "P-384": ec.generate_private_key(ec.SECP384R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate(),
}
EVERY_PROFILE = b":".join(one.name for one in SRTP_PROFILES)


class Foreign:
    """Another implementation's certificate and settings, which are used as `Certificate` is."""

    def __init__(self, key: Key, ciphers: bytes = b"ALL", profiles: bytes = EVERY_PROFILE) -> None:
        self.certificate = self_signed(key)
        self.context = SSL.Context(SSL.DTLS_METHOD)
        self.context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        self.context.use_certificate(self.certificate)
        self.context.use_privatekey(key)
        self.context.set_cipher_list(ciphers)
        self.context.set_tlsext_use_srtp(profiles)

    def fingerprint(self, digest: str = "sha-256") -> str:
        return fingerprint(self.certificate, digest)


def shake_hands(foreign: Foreign, *, we_begin: bool, expected: str | None = None) -> tuple[Dtls, Dtls]:
    """Our side and the other one, after all that they have to say to each other."""
    to_us: deque[bytes] = deque()
    to_them: deque[bytes] = deque()
    theirs = (("sha-256", expected or foreign.fingerprint()),)
    us = Dtls(OURS, client=we_begin, fingerprints=theirs, send=to_them.append)
    them = Dtls(
        cast("Certificate", foreign),
        client=not we_begin,
        fingerprints=(("sha-256", OURS.fingerprint),),
        send=to_us.append,
    )
    us.start()
    them.start()
    while to_us or to_them:
        if to_them:
            them.receive(to_them.popleft())
        if to_us:
            us.receive(to_us.popleft())
    return us, them


def sound_passes(us: Dtls, them: Dtls) -> bool:
    """Whether what one side protects the other one can read, both ways."""
    for one, other in ((us, them), (them, us)):
        assert one.outgoing is not None
        assert other.incoming is not None
        packet = bytes([0x80, 96]) + bytes(10) + b"what was said"
        protected = SrtpSession(one.outgoing).protect(packet)
        if protected is None or SrtpSession(other.incoming).unprotect(protected) != packet:
            return False
    return True


@pytest.mark.parametrize(
    ("key", "we_begin"),
    # OpenSSL takes part in DTLS with an Ed25519 certificate as the client only.
    [(key, we_begin) for key in KEYS for we_begin in (True, False) if key != "Ed25519" or not we_begin],
)
def test_a_peer_may_have_a_certificate_of_any_kind(key: str, we_begin: bool) -> None:
    us, them = shake_hands(Foreign(KEYS[key]), we_begin=we_begin)
    assert (us.state, them.state, us.reason) == ("connected", "connected", "")
    assert sound_passes(us, them)


@pytest.mark.parametrize("key", ["RSA, 2048 bits", "P-256"])
@pytest.mark.parametrize(
    "suite", ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305", "AES128-SHA", "AES256-SHA"]
)
def test_a_peer_may_speak_one_cipher_suite_only(suite: str, key: str) -> None:
    kind = "RSA" if key.startswith("RSA") else "ECDSA"
    us, them = shake_hands(Foreign(KEYS[key], f"ECDHE-{kind}-{suite}".encode()), we_begin=True)
    assert (us.state, them.state) == ("connected", "connected")


@pytest.mark.parametrize("we_begin", [True, False])
@pytest.mark.parametrize("profile", [b"SRTP_AES128_CM_SHA1_32", *(one.name for one in SRTP_PROFILES)])
def test_a_peer_may_speak_one_srtp_profile_only(profile: bytes, we_begin: bool) -> None:
    us, them = shake_hands(Foreign(KEYS["P-256"], profiles=profile), we_begin=we_begin)
    assert (us.state, them.state) == ("connected", "connected")
    assert sound_passes(us, them)


def test_our_srtp_profiles_have_the_lengths_that_others_take_them_to_have() -> None:
    """RFC 5764 section 4.1.2, RFC 7714 section 14.2: with other ones, only we could read what we send."""
    theirs = {one.openssl_profile: (one.libsrtp_profile, one.key_length, one.salt_length) for one in STOCK_PROFILES}
    theirs[b"SRTP_AES128_CM_SHA1_32"] = (pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_32, 16, 14)
    ours = {one.name: (one.number, one.key_bytes, one.salt_bytes) for one in SRTP_PROFILES}
    assert ours == {name: theirs[name] for name in ours}
    assert len(ours) >= 3


@pytest.mark.parametrize("digest", ["sha-1", "sha-224", "sha-256", "sha-384", "sha-512"])
def test_a_certificate_may_be_named_by_any_digest_that_is_not_broken(digest: str) -> None:
    foreign = Foreign(KEYS["P-256"])
    named = ((digest, foreign.fingerprint(digest).lower()),)
    assert matches(foreign.certificate, named)
    assert not matches(self_signed(KEYS["P-256"]), named)


def test_of_several_fingerprints_those_of_the_best_digest_count_and_one_has_to_fit() -> None:
    right, wrong = Foreign(KEYS["P-256"]), Foreign(KEYS["P-384"])
    both = tuple(("sha-256", one.fingerprint()) for one in (wrong, right))
    assert matches(right.certificate, both)
    assert not matches(right.certificate, both[:1])
    assert not matches(right.certificate, (*both, ("sha-512", wrong.fingerprint("sha-512"))))
    assert matches(right.certificate, (("sha-1", wrong.fingerprint("sha-1")), *both))
    assert not matches(right.certificate, ())
    assert not matches(right.certificate, (("md5", "AB:CD"),))


def failures() -> dict[str, tuple[Callable[[], Dtls], str]]:
    rsa_key, ec_key = KEYS["RSA, 2048 bits"], KEYS["P-256"]
    only_rsa = Foreign(rsa_key, b"ECDHE-RSA-AES128-GCM-SHA256")
    return {
        "our suites are not theirs": (lambda: shake_hands(only_rsa, we_begin=False)[0], "no shared cipher"),
        "their suites are not ours": (
            lambda: shake_hands(Foreign(rsa_key, b"AES256-GCM-SHA384"), we_begin=True)[0],
            "handshake failure",
        ),
        "another certificate": (
            lambda: shake_hands(Foreign(ec_key), we_begin=True, expected=OURS.fingerprint)[0],
            "fingerprint",
        ),
    }


@pytest.mark.parametrize("case", failures())
def test_why_a_handshake_failed_is_said(case: str) -> None:
    fail, words = failures()[case]
    us = fail()
    assert us.state == "failed"
    assert words in us.reason


def test_who_agrees_on_no_srtp_profile_is_told_so() -> None:
    foreign = Foreign(KEYS["P-256"])
    foreign.context = SSL.Context(SSL.DTLS_METHOD)
    foreign.context.use_certificate(foreign.certificate)
    foreign.context.use_privatekey(KEYS["P-256"])
    us, _ = shake_hands(foreign, we_begin=True)
    assert us.state == "failed"
    assert "SRTP" in us.reason
