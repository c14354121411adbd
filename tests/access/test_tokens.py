"""Tokens: what comes back is what was granted, and nothing opens that was not signed here."""

from __future__ import annotations

import base64
import json
import warnings
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.access.grants import RIGHTS, ROLE_RIGHTS, ROLES, Grant, make_grant
from conference.access.tokens import LEEWAY_S, MAX_TOKEN_CHARS, TokenError, check_secret, sign, verify

SECRET = "s" * 32
OTHER = "o" * 32
NOW = 1_800_000_000.0

CLAIMS: dict[str, Any] = {
    "iss": "conference",
    "aud": "conference",
    "exp": NOW + 60,
    "room": "tea",
    "role": "speaker",
}

rooms = st.none() | st.from_regex(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}", fullmatch=True)
"""Any room, and one of a name that rooms may have: dot segments are none."""
texts = st.none() | st.text(st.characters(codec="utf-8"), min_size=1, max_size=64)
grants = st.builds(
    Grant,
    room=rooms,
    identity=texts,
    name=texts,
    role=st.sampled_from(ROLES),
    rights=st.frozensets(st.sampled_from(RIGHTS)),
    expires_at=st.integers(int(NOW) + 1, 2**33).map(float),
)


def encode(claims: dict[str, Any], secret: str = SECRET, algorithm: str = "HS256") -> str:
    """Signed, whatever they say: ``jwt.encode`` itself would refuse some."""
    return jwt.PyJWS().encode(json.dumps(claims).encode(), secret, algorithm)


def part(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def refusal(token: str, *secrets: str, now: float = NOW) -> str:
    with pytest.raises(TokenError) as refused:
        verify(token, secrets or (SECRET,), now)
    sentence = str(refused.value)
    assert sentence.isascii()
    assert '"' not in sentence  # it stands in a quoted string of a header
    assert sentence.endswith(".")
    return sentence


@given(grants)
def test_what_was_granted_comes_back(grant: Grant) -> None:
    token = sign(grant, SECRET)
    if len(token) <= MAX_TOKEN_CHARS:
        assert verify(token, (SECRET,), NOW) == grant


@given(grants)
def test_a_token_changed_in_one_character_opens_nothing(grant: Grant) -> None:
    token = sign(grant, SECRET)
    at = len(token) // 2
    refusal(token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :])


@given(st.text() | st.text("ey.AaJhbGciOiJIUzI1NiJ9-_=", max_size=200))
def test_any_text_is_refused_with_a_sentence(text: str) -> None:
    refusal(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["alg", "typ", "kid", "crit", "b64", "jwk"]), json_values), json_values)
def test_any_header_and_any_payload_without_our_signature_is_refused(header: dict[str, Any], payload: object) -> None:
    refusal(f"{part(header)}.{part(payload)}.{part('signature')}")


@given(st.sampled_from([*CLAIMS, "sub", "name", "rights", "nbf", "iat", "jti"]), json_values)
def test_signed_claims_of_any_kind_give_a_grant_or_a_sentence(claim: str, value: object) -> None:
    try:
        grant = verify(encode(CLAIMS | {claim: value}), (SECRET,), NOW)
    except TokenError:
        return
    assert grant.expires_at is not None
    assert grant.role in ROLES
    assert grant.rights <= set(RIGHTS)


def test_a_header_nested_beyond_all_depth_is_refused() -> None:
    refusal(f"{part('[' * 1500)}.{part({})}.x")


def test_a_token_that_nobody_signed_is_refused() -> None:
    assert "HS256" in refusal(jwt.encode(CLAIMS, "", "none"))
    refusal(f"{part({'alg': 'none'})}.{part(CLAIMS)}.")
    refusal(f"{part({'alg': 'None'})}.{part(CLAIMS)}.")


def test_another_algorithm_is_refused_even_with_the_right_secret() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", jwt.InsecureKeyLengthWarning)
        assert "HS256" in refusal(encode(CLAIMS, algorithm="HS512"))


def test_another_secret_is_refused() -> None:
    assert "not signed by this server" in refusal(encode(CLAIMS, OTHER))


def test_any_of_several_secrets_is_believed() -> None:
    assert verify(encode(CLAIMS, OTHER), (SECRET, OTHER), NOW).room == "tea"
    refusal(encode(CLAIMS, "x" * 32), SECRET, OTHER)


def test_without_a_secret_nothing_is_believed() -> None:
    with pytest.raises(TokenError):
        verify(encode(CLAIMS), (), NOW)


def test_a_token_is_good_until_it_expires_and_a_little_longer() -> None:
    token = encode(CLAIMS)
    verify(token, (SECRET,), NOW + 60 + LEEWAY_S - 0.01)
    assert "expired" in refusal(token, now=NOW + 60 + LEEWAY_S)


def test_a_token_is_not_good_before_its_time() -> None:
    token = encode(CLAIMS | {"nbf": NOW + 30})
    assert "not valid yet" in refusal(token)
    assert "not valid yet" in refusal(token, now=NOW + 30 - LEEWAY_S - 0.01)
    verify(token, (SECRET,), NOW + 30 - LEEWAY_S)


@pytest.mark.parametrize("claim", ["exp", "iss", "aud", "room", "role"])
def test_each_of_these_claims_must_be_there(claim: str) -> None:
    refusal(encode({name: value for name, value in CLAIMS.items() if name != claim}))


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("iss", "somebody"),
        ("aud", "something"),
        ("exp", "tomorrow"),
        ("exp", True),
        ("exp", float("inf")),
        ("room", ""),
        ("room", "no such/room"),
        ("room", None),
        ("room", ["*"]),
        ("role", "admin"),
        ("sub", 7),
        ("sub", ""),
        ("name", "n" * 257),
        ("rights", "speak"),
        ("rights", ["fly"]),
        ("rights", [["speak"]]),
    ],
)
def test_claims_that_make_no_sense_are_refused(claim: str, value: object) -> None:
    refusal(encode(CLAIMS | {claim: value}))


def test_a_claim_that_we_do_not_know_does_no_harm() -> None:
    assert verify(encode(CLAIMS | {"tenant": "acme", "iat": 0, "jti": "1"}), (SECRET,), NOW).room == "tea"


def test_a_token_for_any_room_says_so() -> None:
    grant = verify(encode(CLAIMS | {"room": "*"}), (SECRET,), NOW)
    assert grant.room is None
    assert grant.covers("anything")


@pytest.mark.parametrize("role", ROLES)
def test_a_role_brings_its_rights_unless_others_are_named(role: str) -> None:
    assert verify(encode(CLAIMS | {"role": role}), (SECRET,), NOW).rights == ROLE_RIGHTS[role]  # type: ignore[index]
    assert verify(encode(CLAIMS | {"role": role, "rights": []}), (SECRET,), NOW).rights == frozenset()


def test_a_grant_without_an_end_is_not_signed() -> None:
    with pytest.raises(ValueError, match="expire"):
        sign(make_grant("host"), SECRET)


def test_a_token_for_the_telephone_fits_into_a_parameter_of_twilio() -> None:
    grant = make_grant("speaker", room="r" * 64, identity="+" + "1" * 30, expires_at=NOW)
    assert len("token") + len(sign(grant, SECRET)) < 500


@pytest.mark.parametrize(
    "secret", ["", "short", "x" * 31, "-----BEGIN PUBLIC KEY-----\n" + "x" * 64 + "\n-----END PUBLIC KEY-----"]
)
def test_a_secret_that_can_be_guessed_or_is_public_is_refused_without_being_told(secret: str) -> None:
    with pytest.raises(ValueError) as refused:
        check_secret(secret)
    assert not secret or secret not in str(refused.value)


def test_a_secret_is_counted_in_bytes() -> None:
    assert check_secret("ü" * 16) == "ü" * 16


def test_whoever_may_not_speak_joins_as_a_listener() -> None:
    assert make_grant("host", rights=["listen", "moderate"]).joins_as == "listener"
    assert make_grant("host").joins_as == "host"


def test_only_who_may_moderate_joins_as_a_host() -> None:
    assert make_grant("host", rights=["speak", "listen"]).joins_as == "speaker"
    assert make_grant("host", rights=["listen"]).joins_as == "listener"
