"""A room calls telephones through Twilio's API, for which something stands in that checks what it is asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from conference.room.events import ParticipantLeft, ParticipantUpdated, RoomEvent
from conference.settings import Settings, SettingsError
from conference.telephony.connecting import send_message
from conference.telephony.destinations import read_destination
from conference.web.app import hang_up_all
from conference.web.joining import dialed_phone
from tests.tones import tone
from tests.web.doubles import Site, problem
from tests.web.joining.audio_client import until
from tests.web.joining.test_calling import call as call_in
from tests.web.joining.twilio_api import ACCOUNT, CALLER_ID, ORIGIN, TOKEN, PhoneCall, TwilioApi

AMY = "+15552223333"


@asynccontextmanager
async def calling(**more: Any) -> AsyncIterator[tuple[Site, TwilioApi]]:
    async with TwilioApi().serve() as twilio:
        settings: dict[str, Any] = {
            "dial_allow": (read_destination("+1555*"),),
            "twilio_account_sid": ACCOUNT,
            "twilio_auth_token": TOKEN,
            "twilio_api_url": twilio.url,
            "caller_ids": (CALLER_ID,),
            "public_url": ORIGIN,
            "ringback": None,
        }
        async with Site(Settings(**settings | more)) as site:
            twilio.site = site
            await site.join(name="Host")
            yield site, twilio


async def place(site: Site, *, room: str = "tea", status: int = 201, **wanted: Any) -> Any:
    response = await site.client.post(f"/rooms/{room}/calls", json={"to": AMY} | wanted)
    assert response.status == status, await response.text()
    return response


class Followed:
    """What happens in all rooms."""

    def __init__(self, site: Site) -> None:
        self.events: list[RoomEvent] = []
        site.server.conference.subscribe(None, self.events.append)

    def states(self) -> list[str | None]:
        updates = [one.participant.call for one in self.events if isinstance(one, ParticipantUpdated)]
        told = [one for one in updates if one != "dialing"]
        return [one for place, one in enumerate(told) if place == 0 or told[place - 1] != one]

    def left(self) -> list[ParticipantLeft]:
        return [one for one in self.events if isinstance(one, ParticipantLeft)]


async def gone(site: Site) -> None:
    await until(lambda: not list(site.server.dialing.calls))
    assert [one.transport for one in site.server.registry._open] == ["webrtc"]


async def test_a_telephone_is_called_rings_is_answered_and_hears_and_is_heard() -> None:
    async with calling() as (site, twilio):
        seen = Followed(site)
        response = await place(site, name="Amy")
        shown = await response.json()
        assert (shown["name"], shown["transport"], shown["call"]) == ("Amy", "twilio", {"state": "dialing"})
        call = await twilio.placed()
        form = call.form
        assert (form["To"], form["From"], form["Timeout"], form["TimeLimit"]) == (AMY, CALLER_ID, "45", "14400")
        assert "MachineDetection" not in form
        assert call.events == ["initiated", "ringing", "answered", "completed"]
        now = await (await site.client.get(response.headers["Location"])).json()
        assert now["connection"] == {"number": AMY, "caller_id": CALLER_ID}
        await twilio.tell(call, "initiated")
        await twilio.tell(call, "ringing")
        await until(lambda: seen.states() == ["ringing"])
        participant = site.server.conference.rooms["tea"].participants[shown["id"]]
        assert participant.source is None
        assert participant.sink is None
        phone = await twilio.answer(call)
        await twilio.tell(call, "in-progress")
        await until(lambda: seen.states() == ["ringing", "answered"])
        listener = await call_in_signed(site, twilio)
        encoder = phone.codec.make_encoder()
        sound = tone(440, 1.0)
        for position in range(0, len(sound), 960):
            await send_message(call.socket, phone.say(encoder.encode(sound[position : position + 960])))
        await until(lambda: participant.talking)
        now = await (await site.client.get(response.headers["Location"])).json()
        assert now["connection"]["media_received"] > 0
        await until_heard(call)
        assert (await site.client.delete(response.headers["Location"])).status == 204
        await until(lambda: twilio.ended == [call.sid])
        assert seen.left()[0].departure == "removed"
        await listener.close()
        await until(lambda: not list(site.server.dialing.calls))


async def test_a_number_that_leads_back_here_is_hung_up_on_before_it_is_heard() -> None:
    async with calling() as (site, twilio):
        seen = Followed(site)
        await place(site, name="Amy")
        call = await twilio.placed()
        await twilio.tell(call, "ringing")
        elsewhere = await _twiml(site, From="+15557654321", To=AMY)
        assert "<Stream" in elsewhere
        assert "<Reject" in await _twiml(site, From=CALLER_ID, To=AMY)
        await until(lambda: seen.left())
        assert "leads back to this server" in seen.left()[0].reason
        await until(lambda: twilio.ended == [call.sid])


async def call_in_signed(site: Site, twilio: TwilioApi) -> Any:
    """Somebody else on a media stream, as Twilio would open it."""
    other = PhoneCall("CA" + "1" * 32, {"Twiml": await _twiml(site)}, [])
    await twilio.answer(other)
    return other.socket


async def _twiml(site: Site, **form: str) -> str:
    from twilio.request_validator import RequestValidator

    signature = RequestValidator(TOKEN).compute_signature(f"{ORIGIN}/twilio/voice?room=tea", form)
    headers = {"X-Twilio-Signature": signature}
    response = await site.client.post("/twilio/voice?room=tea", headers=headers, data=form or None)
    return str(await response.text())


async def until_heard(call: PhoneCall) -> None:
    """Wait until the telephone has been sent sound of the room."""
    async with asyncio.timeout(20):
        while True:
            message = json.loads((await call.socket.receive()).data)
            if message["event"] == "media":
                return


@pytest.mark.parametrize(
    ("status", "state", "words"),
    [
        ("busy", "busy", "busy"),
        ("no-answer", "no-answer", "nobody answers"),
        ("failed", "failed", "cannot be completed"),
        ("canceled", "canceled", "canceled"),
    ],
)
async def test_whoever_is_not_reached_leaves_and_why_is_told(status: str, state: str, words: str) -> None:
    async with calling() as (site, twilio):
        seen = Followed(site)
        await place(site)
        call = await twilio.placed()
        await twilio.tell(call, "ringing")
        await twilio.tell(call, status)
        await gone(site)
        assert seen.states() == ["ringing", state]
        [left] = seen.left()
        assert words in left.reason
        assert left.participant.call == state
        assert not twilio.ended  # it is over there already


async def test_what_twilio_tells_late_takes_nothing_back() -> None:
    async with calling() as (site, twilio):
        seen = Followed(site)
        await place(site)
        call = await twilio.placed()
        await twilio.answer(call)
        await until(lambda: seen.states() == ["answered"])
        for status in ("ringing", "initiated", "queued", "in-progress", "dancing"):
            await twilio.tell(call, status)
        assert seen.states() == ["answered"]
        await twilio.tell(call, "completed")
        await until(lambda: seen.left())
        assert seen.left()[0].reason == "hung up"
        assert (await call.socket.receive()).type.name in ("TEXT", "CLOSE")
        await gone(site)


async def test_a_telephone_that_hangs_up_leaves_and_the_call_is_ended_at_twilio() -> None:
    async with calling() as (site, twilio):
        seen = Followed(site)
        await place(site)
        call = await twilio.placed()
        phone = await twilio.answer(call)
        await until(lambda: "answered" in seen.states())
        for message in phone.closing():
            await send_message(call.socket, message)
        await until(lambda: seen.left())
        assert (seen.left()[0].reason, seen.left()[0].departure) == ("hung up", "left")
        await call.socket.close()
        await gone(site)
        assert twilio.ended == [call.sid]


async def test_a_call_is_canceled_while_it_rings_and_before_twilio_has_even_answered() -> None:
    async with calling() as (site, twilio):
        response = await place(site)
        call = await twilio.placed()
        await twilio.tell(call, "ringing")
        assert (await site.client.delete(response.headers["Location"])).status == 204
        await until(lambda: twilio.ended == [call.sid])
        await gone(site)
        twilio.hold = asyncio.Event()
        response = await place(site)
        assert (await site.client.delete(response.headers["Location"])).status == 204
        twilio.hold.set()
        late = await twilio.placed(2)
        await until(lambda: twilio.ended == [call.sid, late.sid])
        await gone(site)


async def test_a_room_hears_it_ring_until_somebody_answers_however_many_ring() -> None:
    async with calling(ringback="ringing-tone") as (site, twilio):
        rung: list[dict[str, Any]] = [{}, {"to": "+15559998888"}, {"to": "+15557776666", "ringback": None}]
        for number, wanted in enumerate(rung, 1):
            await place(site, **wanted)
            await twilio.placed(number)  # else they come there in any order
        sounds = site.server.conference.rooms["tea"]._board.sounds
        for number in (1, 2, 3):
            await twilio.tell(await twilio.placed(number), "ringing")
        assert [one.name for one in sounds.values()] == ["ringing-tone"]
        await twilio.tell(twilio.calls[0], "busy")
        assert not any(one.stopping for one in sounds.values())
        await twilio.tell(twilio.calls[1], "in-progress")
        await until(lambda: not sounds)
        await twilio.tell(twilio.calls[1], "completed")
        await twilio.tell(twilio.calls[2], "no-answer")
        await gone(site)


@pytest.mark.parametrize(
    ("answered_by", "told"),
    [("human", "human"), ("machine_end_beep", "machine"), ("fax", "fax"), ("?", "unknown")],
)
async def test_who_answers_is_told_if_that_is_asked_for(answered_by: str, told: str) -> None:
    async with calling() as (site, twilio):
        response = await place(site, machine_detection="tell")
        call = await twilio.placed()
        assert (call.form["MachineDetection"], call.form["AsyncAmd"]) == ("Enable", "true")
        await twilio.answer(call)
        await twilio.say_who(call, answered_by)
        shown = await (await site.client.get(response.headers["Location"])).json()
        assert shown["call"]["answered_by"] == told
        assert (await site.client.delete(response.headers["Location"])).status == 204
        await call.socket.close()
        await gone(site)


async def test_a_machine_is_hung_up_on_if_that_is_asked_for_and_a_person_is_not() -> None:
    async with calling() as (site, twilio):
        seen = Followed(site)
        for number, who in enumerate(("human", "machine_start"), 1):
            await place(site, machine_detection="hang-up")
            call = await twilio.placed(number)
            await twilio.answer(call)
            await until(lambda: seen.states()[-1:] == ["answered"])
            await twilio.say_who(call, who)
        await until(lambda: twilio.ended == [twilio.calls[1].sid])
        assert [one.reason for one in seen.left()] == ["an answering machine has answered"]


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        ((400, 21211, "The 'To' number +1555 is not a valid phone number."), "valid phone number (error 21211)"),
        ((401, 20003, "Authenticate"), "does not take the account"),
        ((429, 20429, "Too Many Requests"), "too often"),
        ((500, 20500, "Internal"), "error 20500"),
    ],
)
async def test_what_twilio_refuses_is_the_reason(refused: tuple[int, int, str], words: str) -> None:
    async with calling() as (site, twilio):
        seen = Followed(site)
        twilio.refuse = refused
        await place(site)
        await until(lambda: seen.left())
        assert words in seen.left()[0].reason
        assert seen.left()[0].participant.call == "failed"
        await gone(site)


async def test_twilio_that_cannot_be_reached_is_the_reason() -> None:
    async with calling(twilio_api_url="http://127.0.0.1:1") as (site, _):
        seen = Followed(site)
        await place(site)
        await until(lambda: seen.left())
        assert "cannot be reached" in seen.left()[0].reason
        await gone(site)


async def test_a_wrong_token_is_the_reason_and_is_in_no_reason() -> None:
    async with calling(twilio_auth_token="wrong-token") as (site, _):
        seen = Followed(site)
        await place(site)
        await until(lambda: seen.left())
        assert "does not take the account" in seen.left()[0].reason
        assert "wrong-token" not in seen.left()[0].reason


async def test_what_is_not_signed_by_twilio_changes_nothing() -> None:
    async with calling() as (site, twilio):
        response = await place(site)
        call = await twilio.placed()
        [phone] = site.server.dialing.calls
        await until(lambda: phone.call_sid == call.sid)
        url = call.form["StatusCallback"]
        await twilio.post(call, url, token="another", status=403, CallStatus="busy")
        unsigned = await site.client.post(url.removeprefix(ORIGIN), data={"CallStatus": "busy"})
        assert unsigned.status == 403
        await problem(unsigned)
        other = PhoneCall("CA" + "f" * 32, call.form, [])
        await twilio.post(other, url, CallStatus="busy")  # of another call
        await twilio.post(call, f"{ORIGIN}/twilio/calls/nobody", CallStatus="busy")
        shown = await (await site.client.get(response.headers["Location"])).json()
        assert shown["call"] == {"state": "dialing"}
        await twilio.tell(call, "completed")
        await gone(site)


async def test_a_stream_with_another_secret_or_of_a_call_that_has_ended_is_nobodys() -> None:
    async with calling() as (site, twilio):
        seen = Followed(site)
        await place(site)
        call = await twilio.placed()
        [phone] = site.server.dialing.calls
        right = call.form["Twiml"]
        call.form["Twiml"] = right.replace(phone.secret, "x" * 32)  # type: ignore[union-attr]
        await twilio.answer(call)
        assert await closed_with(call) == 1008
        call.form["Twiml"] = right
        await twilio.answer(call)
        await until(lambda: "answered" in seen.states())
        first = call.socket
        await twilio.answer(call)  # the same again: they are here already
        assert await closed_with(call) == 1008
        await first.close()
        await until(lambda: seen.left())
        call.status = "in-progress"
        await twilio.answer(call)
        assert await closed_with(call) == 1008
        await gone(site)
        assert len(site.server.conference.rooms["tea"].participants) == 1


async def closed_with(call: PhoneCall) -> int:
    async with asyncio.timeout(20):
        while not call.socket.closed:
            await call.socket.receive()
    return int(call.socket.close_code)


async def test_nobody_who_answers_nor_a_stream_that_comes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialed_phone, "GRACE_SECONDS", -4.9)  # after 0.1 s of 5
    async with calling(connect_timeout=0.1) as (site, twilio):
        seen = Followed(site)
        await place(site, ring_seconds=5)
        call = await twilio.placed()
        await until(lambda: twilio.ended == [call.sid])
        assert (seen.left()[0].reason, seen.left()[0].participant.call) == ("nobody answers", "no-answer")
        await place(site)
        call = await twilio.placed(2)
        await twilio.tell(call, "in-progress")
        await until(lambda: len(seen.left()) == 2)
        assert "opened no stream" in seen.left()[1].reason
        await gone(site)


async def test_a_call_ends_when_it_has_lasted_as_long_as_it_may() -> None:
    async with calling() as (site, twilio):
        seen = Followed(site)
        await place(site, max_seconds=1)
        call = await twilio.placed()
        assert call.form["TimeLimit"] == "1"
        await twilio.answer(call)
        await until(lambda: seen.left())
        assert seen.left()[0].reason == "the call has lasted as long as it may"
        await gone(site)
        assert twilio.ended == [call.sid]


async def test_two_who_were_called_are_left_to_each_other_and_one_alone_is_hung_up_on() -> None:
    async with calling() as (site, twilio):
        [host] = site.server.conference.rooms["tea"].participants
        seen = Followed(site)
        calls = []
        for number in (1, 2):
            await place(site)
            calls.append(await twilio.placed(number))
            await twilio.answer(calls[-1])
        await until(lambda: seen.states() == ["answered"] and len(seen.events) > 3)
        await until(lambda: all(one.is_person for one in site.server.dialing.calls))
        assert (await site.client.delete(f"/rooms/tea/participants/{host}")).status == 204
        assert len(site.server.conference.rooms["tea"].participants) == 2
        await calls[0].socket.close()
        await until(lambda: len(twilio.ended) == 2)
        assert [one.reason for one in seen.left()][1:] == ["hung up", "everybody else has left"]
        await until(lambda: not site.server.conference.rooms)


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ({"to": "+4930123456"}, 403),
        ({"caller_id": "+15550009999"}, 403),
        ({"to": "5552223333"}, 400),
        ({"to": "+1555' OR 1"}, 400),
        ({"to": None}, 400),
        ({"url": "ws://127.0.0.1/"}, 400),
        ({"parameters": {"a": "b"}}, 400),
        ({"dtmf": True}, 400),
        ({"ringback": "no such sound"}, 404),
        ({"ring_seconds": 4}, 400),
        ({"machine_detection": "maybe"}, 400),
        ({"max_seconds": 0}, 400),
    ],
)
async def test_what_cannot_be_asked_for_is_refused_and_nobody_is_called(wanted: dict[str, Any], status: int) -> None:
    async with calling() as (site, twilio):
        await problem(await place(site, status=status, **wanted))
        assert not list(site.server.dialing.calls)
        assert not twilio.calls


async def test_what_is_of_telephones_is_refused_of_bots_and_phones_where_there_is_no_account() -> None:
    async with Site(Settings(dial_allow=(read_destination("127.0.0.1"), read_destination("+1*")))) as site:
        await site.join()
        response = await site.client.post("/rooms/tea/calls", json={"url": "ws://127.0.0.1:1/", "ring_seconds": 30})
        assert "'ring_seconds' is for telephones" in (await problem(response))["title"]
        assert "no telephones" in (await problem(await place(site, status=403)))["title"]
        assert (await (await site.client.get("/config")).json())["calls"] == {"bots": True, "phones": False}


async def test_a_server_that_stops_hangs_up() -> None:
    async with calling() as (site, twilio):
        await place(site)
        call = await twilio.placed()
        await twilio.tell(call, "ringing")
        twilio.tells = False  # a server that is being stopped takes no requests
        await hang_up_all(site.app)
        assert twilio.ended == [call.sid]
        assert not list(site.server.dialing.calls)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"twilio_account_sid": "AC1"}, "32 hexadecimal"),
        ({"twilio_account_sid": ACCOUNT}, "needs twilio-auth-token"),
        ({"caller_ids": (CALLER_ID,)}, "needs twilio-account-sid"),
        ({"twilio_api_url": "ftp://x"}, "must look like"),
    ],
)
def test_settings_that_are_not_enough_are_told(given: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        Settings(**given)


async def test_callers_of_other_kinds_may_be_there_too() -> None:
    async with Site() as site:  # a stream that was never called in carries no secret, and is let in as before
        await call_in(site, name="Amy")
        await until(lambda: "tea" in site.server.conference.rooms)
