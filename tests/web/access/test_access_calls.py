"""Telephone calls: tokens in their parameters, PINs, and Twilio's signatures."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from aiohttp import WSServerHandshakeError
from multidict import MultiDict
from twilio.request_validator import RequestValidator

from conference.access.tokens import verify
from conference.room.participant import Participant
from conference.settings import Settings, SettingsError
from conference.telephony.dialects.known import DIALECTS
from conference.telephony.phone import Phone
from conference.web.joining.signatures import SignaturesUnavailable, TwilioSignatures
from tests.web.doubles import Site, problem
from tests.web.joining.test_calling import call, people, start, until
from tests.web.joining.test_media_streams import dial
from tests.web.passes import SECRET, as_role, bearer, guarded, token

PINS = (("tea", "8642"),)
AUTH = "12345"
ORIGIN = "https://talk.example.org"
FORM = {"CallSid": "CA1", "From": "+14158675309", "To": "+18005551212"}


def callers(site: Site, room: str = "tea") -> list[Participant]:
    found = site.server.conference.get(room)
    return [] if found is None else list(found.participants.values())


async def closing(socket: Any) -> tuple[int, str]:
    """With what the server closes a stream: the code, and its words."""
    async with asyncio.timeout(3):
        while not socket.closed:
            message = await socket.receive()
            if isinstance(message.extra, str):
                return int(message.data), message.extra
    return int(socket.close_code), ""


async def refusal(site: Site, path: str = "/twilio/stream/tea", **parameters: str) -> str:
    code, sentence = await closing(await call(site, path, **parameters))
    assert code == 1008
    assert sentence.endswith((".", "token"))
    assert callers(site) == []
    return sentence


# Tokens


async def test_a_call_gets_in_with_a_token_in_its_parameters() -> None:
    async with Site(guarded()) as site:
        await call(site, token=token("listener", identity="tel:+1"))
        await until(lambda: len(callers(site)) == 1)
        [caller] = callers(site)
        assert (caller.role, caller.identity) == ("listener", "tel:+1")
        assert caller.sink is not None


async def test_a_call_gets_in_with_a_token_in_its_handshake() -> None:
    async with Site(guarded()) as site:
        for given in ({"headers": as_role()}, {"params": {"access_token": token()}}):
            socket = await site.client.ws_connect("/twilio/stream/tea", **given)
            await socket.send_json({"event": "connected"})
            await socket.send_json(start())
        await until(lambda: len(callers(site)) == 2)


@pytest.mark.parametrize(
    ("said", "shown"), [({}, "Amy"), ({"name": " "}, "Amy"), ({"name": "Amy's phone"}, "Amy's phone")]
)
async def test_a_caller_who_gives_no_name_has_that_of_their_token(said: dict[str, str], shown: str) -> None:
    async with Site(guarded()) as site:
        await call(site, token=token(name="Amy"), **said)
        await until(lambda: len(callers(site)) == 1)
        assert callers(site)[0].name == shown


async def test_a_call_without_a_token_is_refused() -> None:
    async with Site(guarded()) as site:
        assert "token" in await refusal(site)
        assert "token" in await refusal(site, "/twilio/stream", room="tea")


@pytest.mark.parametrize(
    "bad",
    ["nonsense", token(lasts=-60), token(room="coffee"), token(rights=["moderate"])],
    ids=["nonsense", "expired", "of another room", "without rights"],
)
async def test_a_call_with_a_token_that_does_not_open_the_room_is_refused(bad: str) -> None:
    async with Site(guarded()) as site:
        await refusal(site, token=bad)
        await refusal(site, "/twilio/stream", room="tea", token=bad)


async def test_a_caller_who_may_not_listen_hears_nothing() -> None:
    async with Site(guarded()) as site:
        await call(site, token=token(rights=["speak"]))
        await until(lambda: len(callers(site)) == 1)
        assert callers(site)[0].sink is None


async def test_without_a_secret_any_token_does_no_harm() -> None:
    async with Site() as site:
        await call(site, token="nonsense")
        await call(site, token=token(room="coffee"))
        await until(lambda: len(callers(site)) == 2)


async def test_a_caller_who_leaves_by_their_token_has_no_seat_to_be_held() -> None:
    async with Site(guarded(seat_hold=60.0)) as site:
        own = token(identity="amy")
        await call(site, token=own)
        await until(lambda: people(site))
        [participant_id] = site.server.conference.rooms["tea"].participants
        where = f"/rooms/tea/participants/{participant_id}?hold=1"
        assert (await site.client.delete(where, headers=bearer(own))).status == 204
        assert people(site) == []


async def test_callers_are_changed_and_removed_by_those_who_may() -> None:
    async with Site(guarded()) as site:
        await call(site, token=token(identity="tel:+1"))
        await until(lambda: len(callers(site)) == 1)
        path = f"/rooms/tea/participants/{callers(site)[0].id}"
        assert (await site.client.delete(path)).status == 401
        assert (await site.client.delete(path, headers=as_role(identity="tel:+2"))).status == 403
        assert (await site.client.delete(path, headers=as_role(identity="tel:+1"))).status == 204


@pytest.mark.parametrize("name", DIALECTS)
async def test_streams_of_other_providers_are_held_to_tokens_as_twilios_are(name: str) -> None:
    async with Site(guarded()) as site:

        async def come(path: str, **parameters: str) -> Any:
            return await dial(site, Phone(parameters={"room": "tea", **parameters}, dialect=DIALECTS[name]), path)

        for path in (f"/media/{name}", f"/media/{name}/tea"):
            for bad in ({}, {"token": "nonsense"}, {"token": token(room="coffee")}, {"token": token(lasts=-60)}):
                code, sentence = await closing(await come(path, **bad))
                assert code == 1008
                assert sentence
            await closing(await come(f"{path}?access_token={token(room='coffee')}"))
            assert callers(site) == []
        await come(f"/media/{name}/tea?access_token={token('listener')}")
        await come(f"/media/{name}", token=token("listener"))
        await until(lambda: [one.role for one in callers(site)] == ["listener", "listener"])


# PINs


@pytest.mark.parametrize("settings", [Settings(pins=PINS), guarded(pins=PINS)], ids=["open", "guarded"])
async def test_a_call_without_a_token_to_a_room_with_a_pin_does_not_get_in(settings: Settings) -> None:
    async with Site(settings) as site:
        await call(site)
        await until(lambda: len(site.server.call_services.outside) == 1)
        assert callers(site) == []
        await call(site, token=token() if settings.secret else "", room="tea")
        if settings.secret:
            await until(lambda: len(callers(site)) == 1)


# Twilio's signatures


def signed(url: str, form: dict[str, str] | None = None, auth: str = AUTH) -> dict[str, str]:
    return {"X-Twilio-Signature": RequestValidator(auth).compute_signature(url, form or {})}


def twilio(**more: Any) -> Settings:
    return Settings(twilio_auth_token=AUTH, public_url=ORIGIN, **more)


async def voice(site: Site, headers: dict[str, str], query: str = "?room=tea", form: dict[str, str] = FORM) -> Any:
    return await site.client.post(f"/twilio/voice{query}", data=form, headers=headers)


def stream_parameters(twiml: str) -> dict[str, str]:
    return {one.attrib["name"]: one.attrib["value"] for one in ET.fromstring(twiml).iter("Parameter")}


async def test_a_webhook_that_twilio_signed_is_answered() -> None:
    async with Site(twilio()) as site:
        answered = await voice(site, signed(f"{ORIGIN}/twilio/voice?room=tea", FORM))
        assert answered.status == 200
        assert stream_parameters(await answered.text()) == {"name": "+14158675309", "prompts": "on"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Twilio-Signature": ""},
        {"X-Twilio-Signature": "é"},
        signed(f"{ORIGIN}/twilio/voice?room=tea", FORM, "another"),
        signed(f"{ORIGIN}/twilio/voice", FORM),
        signed("https://elsewhere.example.org/twilio/voice?room=tea", FORM),
        signed(f"{ORIGIN}/twilio/voice?room=tea", FORM | {"From": "+1"}),
        as_role("host", None),
    ],
    ids=[
        "none",
        "empty",
        "not ASCII",
        "other secret",
        "other address",
        "other host",
        "other caller",
        "token of nobody",
    ],
)
async def test_a_webhook_that_twilio_did_not_sign_is_refused(headers: dict[str, str]) -> None:
    async with Site(twilio()) as site:
        refused = await voice(site, headers)
        assert refused.status == 403
        await problem(refused)


async def test_several_values_of_one_name_are_signed_too() -> None:
    async with Site(twilio()) as site:
        form = MultiDict([("Digits", "2"), ("Digits", "1"), ("From", "+1")])
        headers = {"X-Twilio-Signature": RequestValidator(AUTH).compute_signature(f"{ORIGIN}/twilio/voice", form)}
        assert (await site.client.post("/twilio/voice", data=form, headers=headers)).status == 200


async def test_the_answer_to_a_signed_webhook_lets_its_stream_in() -> None:
    async with Site(twilio(secret=SECRET)) as site:
        answered = await voice(site, signed(f"{ORIGIN}/twilio/voice?room=tea", FORM))
        parameters = stream_parameters(await answered.text())
        grant = verify(parameters["token"], (SECRET,), time.time())
        assert grant.room == "tea"
        assert grant.identity == "tel:+14158675309"
        assert grant.rights == {"speak", "listen"}
        assert grant.expires_at is not None
        assert grant.expires_at < time.time() + 600
        assert all(len(name) + len(value) < 500 for name, value in parameters.items())
        socket = await site.client.ws_connect(
            "/twilio/stream/tea", headers=signed("wss://talk.example.org/twilio/stream/tea")
        )
        await socket.send_json(start(**parameters))
        await until(lambda: len(callers(site)) == 1)
        assert callers(site)[0].name == "+14158675309"


async def test_the_answer_to_a_webhook_does_not_get_around_a_pin() -> None:
    async with Site(twilio(secret=SECRET, pins=PINS)) as site:
        answered = await voice(site, signed(f"{ORIGIN}/twilio/voice?room=tea", FORM))
        assert "token" not in stream_parameters(await answered.text())


async def test_a_webhook_that_nobody_signed_needs_a_token_of_its_own() -> None:
    async with Site(guarded(pins=(("milk", "1234"),))) as site:
        assert (await voice(site, {})).status == 401
        assert (await voice(site, as_role(room="coffee"))).status == 403
        assert (await voice(site, {}, "?room=milk")).status == 200
        given = token("listener", lasts=30, name="n" * 64)
        answered = await voice(site, {}, f"?room=tea&access_token={given}")
        grant = verify(stream_parameters(await answered.text())["token"], (SECRET,), time.time())
        assert (grant.room, grant.role, grant.name) == ("tea", "listener", None)
        assert grant.expires_at is not None
        assert grant.expires_at <= time.time() + 31


async def test_a_token_that_finds_no_room_in_the_answer_goes_without_its_identity() -> None:
    async with Site(guarded()) as site:
        given = token("host", identity="Владимир Владимирович Иванов, переговорная", rights=["speak", "listen"])
        answered = await voice(site, {}, f"?room=tea&access_token={given}")
        grant = verify(stream_parameters(await answered.text())["token"], (SECRET,), time.time())
        assert (grant.room, grant.role, grant.identity) == ("tea", "host", None)
        assert grant.rights == {"speak", "listen"}


@pytest.mark.parametrize("url", ["", "/", ":443", ":443/"])
async def test_a_handshake_that_twilio_signed_is_taken(url: str) -> None:
    host, slash = url.rstrip("/"), "/" if url.endswith("/") else ""
    headers = signed(f"wss://talk.example.org{host}/twilio/stream/tea{slash}")
    async with Site(twilio()) as site:
        await site.client.ws_connect("/twilio/stream/tea", headers=headers)


@pytest.mark.parametrize(
    "headers",
    [{}, signed("wss://talk.example.org/twilio/stream/coffee"), signed("https://talk.example.org/twilio/stream/tea")],
    ids=["none", "other room", "other scheme"],
)
async def test_a_handshake_that_twilio_did_not_sign_is_refused(headers: dict[str, str]) -> None:
    async with Site(twilio()) as site:
        with pytest.raises(WSServerHandshakeError) as refused:
            await site.client.ws_connect("/twilio/stream/tea", headers=headers)
        assert refused.value.status == 403


async def test_clients_that_are_not_twilio_get_by_the_signature_with_a_token() -> None:
    async with Site(twilio(secret=SECRET)) as site:
        await site.client.ws_connect("/twilio/stream/tea", headers=as_role())
        with pytest.raises(WSServerHandshakeError):
            await site.client.ws_connect("/twilio/stream/tea", headers=as_role(lasts=-60))
        assert (await voice(site, as_role())).status == 200


async def key_in(socket: Any, keys: str) -> None:
    for key in keys:
        await socket.send_json({"event": "dtmf", "streamSid": "MZ" + "0" * 32, "dtmf": {"digit": key}})


@pytest.mark.parametrize("by_twilio", [True, False])
async def test_wrong_pins_count_for_the_number_that_twilio_tells_and_else_for_the_address(*, by_twilio: bool) -> None:
    limits = {"pins": PINS, "max_pin_guesses_per_minute": 1}
    settings = twilio(secret=SECRET, **limits) if by_twilio else guarded(**limits)
    headers = signed("wss://talk.example.org/twilio/stream/tea")
    async with Site(settings) as site:
        socket = await site.client.ws_connect("/twilio/stream/tea", headers=headers)
        await socket.send_json(start(**{"from": "+15551234"}))
        await key_in(socket, "1111#")

        def waits(address: str) -> bool:
            return site.server.guesses.wait("tea", address, time.monotonic()) > 0

        await until(lambda: waits("tel:+15551234") if by_twilio else waits("127.0.0.1"))
        assert not waits("127.0.0.1" if by_twilio else "tel:+15551234")


def test_the_example_of_twilios_documents_is_valid() -> None:
    form = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }
    signature = {"X-Twilio-Signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8="}
    assert signed("https://mycompany.com/myapp.php?foo=1&bar=2", form) == signature


def test_without_twilios_library_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "twilio.request_validator", None)
    with pytest.raises(SignaturesUnavailable, match=r"conference\[twilio\]"):
        TwilioSignatures(AUTH, ORIGIN)


def test_signatures_need_the_address_that_twilio_knows() -> None:
    with pytest.raises(SettingsError, match="public-url"):
        Settings(twilio_auth_token=AUTH)
