"""Telephones that a room calls while Twilio's API fails, hangs or answers nonsense: none goes on ringing unknown."""

from __future__ import annotations

import asyncio
import logging

import pytest

from conference.telephony.twilio_account import AT_ONCE
from conference.web.app import hang_up_all
from conference.web.joining import dialed_phone
from tests.web.doubles import problem
from tests.web.joining.audio_client import until
from tests.web.joining.test_dialed_phone import AMY, Followed, calling, closed_with, gone, place

NONSENSE = [
    (201, "[]"),
    (201, "null"),
    (201, '"CA"'),
    (201, "{}"),
    (201, '{"sid": 5}'),
    (201, '{"sid": "../../Accounts"}'),
    (201, "<html>"),
    (201, ""),
    (200, "true"),
    (302, ""),
    (404, "null"),
    (429, "null"),
    (500, "[]"),
    (500, '{"message": null}'),
    (500, '{"code": "x", "message": 5}'),
    (502, "<html>Bad gateway</html>"),
    (503, ""),
]


def errors(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [one for one in caplog.records if one.levelno >= logging.ERROR and one.name.startswith("conference")]


@pytest.mark.parametrize(("status", "text"), NONSENSE)
async def test_nonsense_for_an_answer_is_a_reason_and_no_traceback(
    status: int, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with calling() as (site, twilio):
        seen = Followed(site)
        twilio.answers_with = (status, text)
        await place(site)
        await until(lambda: seen.left())
        assert seen.left()[0].reason.startswith("Twilio ")
        assert seen.left()[0].participant.call == "failed"
        await gone(site)
    assert not errors(caplog)


async def test_a_request_to_end_a_call_that_failed_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialed_phone, "FIRST_PAUSE", 0.01)
    async with calling() as (site, twilio):
        response = await place(site)
        call = await twilio.placed()
        await twilio.tell(call, "ringing")
        twilio.failing_ends = 3
        assert (await site.client.delete(response.headers["Location"])).status == 204
        await until(lambda: twilio.ended == [call.sid])
        await gone(site)


async def test_a_request_to_end_a_call_is_not_made_for_ever(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(dialed_phone, "FIRST_PAUSE", 0.01)
    async with calling(hang_up_timeout=0.05) as (site, twilio):
        response = await place(site)
        await twilio.placed()
        twilio.failing_ends = 10**9
        assert (await site.client.delete(response.headers["Location"])).status == 204
        await gone(site)
        assert "may go on at Twilio" in caplog.text


async def test_a_call_that_has_ended_by_itself_meanwhile_is_not_ended_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialed_phone, "FIRST_PAUSE", 30.0)
    async with calling() as (site, twilio):
        response = await place(site)
        call = await twilio.placed()
        [phone] = site.server.dialing.calls
        await until(lambda: phone.call_sid == call.sid)
        twilio.failing_ends = 1
        assert (await site.client.delete(response.headers["Location"])).status == 204
        await until(lambda: not twilio.failing_ends)
        await twilio.tell(call, "no-answer")
        await gone(site)  # without the pause
        assert not twilio.ended


async def test_a_telephone_that_rings_though_the_answer_was_lost_is_hung_up_on() -> None:
    async with calling() as (site, twilio):
        seen = Followed(site)
        twilio.loses_answer = True
        await place(site)
        call = await twilio.placed()
        await until(lambda: seen.left())
        await gone(site)
        await twilio.tell(call, "ringing")
        await until(lambda: twilio.ended == [call.sid])


async def test_a_call_that_twilio_has_told_of_goes_on_though_the_answer_is_lost() -> None:
    async with calling() as (site, twilio):
        seen = Followed(site)
        twilio.loses_answer, twilio.wait_to_answer = True, asyncio.Event()
        await place(site)
        call = await twilio.placed()
        await twilio.tell(call, "ringing")
        await until(lambda: seen.states() == ["ringing"])
        twilio.wait_to_answer.set()
        await twilio.answer(call)
        await until(lambda: seen.states() == ["ringing", "answered"])
        assert not seen.left()
        [phone] = site.server.dialing.calls
        assert phone.call_sid == call.sid
        await call.socket.close()
        await gone(site)
        assert twilio.ended == [call.sid]


async def test_a_server_that_stops_before_twilio_has_answered_leaves_nothing_ringing() -> None:
    async with calling(shutdown_timeout=0.1) as (site, twilio):
        twilio.hold, twilio.tells = asyncio.Event(), False
        await place(site)
        await until(lambda: twilio.asked == 1)
        await hang_up_all(site.app)
        assert not list(site.server.dialing.calls)
        twilio.hold.set()
        call = await twilio.placed()
        await until(lambda: twilio.ended == [call.sid])


async def test_a_server_that_stops_ends_more_calls_than_twilio_is_asked_for_at_once() -> None:
    async with calling(shutdown_timeout=0.1) as (site, twilio):
        many = AT_ONCE + 2
        for number in range(1, many + 1):
            await place(site)
            await twilio.placed(number)
        await until(lambda: all(one.call_sid for one in site.server.dialing.calls))
        twilio.hold_ends, twilio.tells = asyncio.Event(), False
        await hang_up_all(site.app)
        twilio.hold_ends.set()
        await until(lambda: len(twilio.ended) == many)


async def test_ends_do_not_wait_for_calls_that_twilio_takes_its_time_to_place() -> None:
    async with calling(max_dialed_calls_per_room=20) as (site, twilio):
        response = await place(site)
        call = await twilio.placed()
        [phone] = site.server.dialing.calls
        await until(lambda: phone.call_sid == call.sid)
        twilio.hold = asyncio.Event()
        for _ in range(AT_ONCE + 1):
            await place(site)
        await until(lambda: twilio.asked == 1 + AT_ONCE)
        assert (await site.client.delete(response.headers["Location"])).status == 204
        await until(lambda: twilio.ended == [call.sid])
        twilio.hold.set()


@pytest.mark.parametrize("secret", ["\ud800", "", "é", "x" * 400])
async def test_a_stream_with_a_strange_secret_is_nobodys(secret: str, caplog: pytest.LogCaptureFixture) -> None:
    async with calling() as (site, twilio):
        await place(site)
        call = await twilio.placed()
        [phone] = site.server.dialing.calls
        twilio.parameters = {"dialed": secret}
        await twilio.answer(call)
        assert await closed_with(call) == 1008
        assert not phone.is_person
    assert not errors(caplog)


async def test_no_more_telephones_are_called_a_minute_and_at_once_than_the_operator_pays_for() -> None:
    async with calling(max_phone_calls_per_minute=2) as (site, twilio):
        await place(site)
        await place(site, to="+15550000000000000", status=400)  # is none
        await place(site, to="+4930123456", status=403)  # may not be called
        await place(site)
        refused = await place(site, status=429)
        assert 0 < int(refused.headers["Retry-After"]) <= 60
        await problem(refused)
        await twilio.placed(2)
    async with calling(max_phone_calls=1) as (site, twilio):
        response = await place(site)
        await problem(await place(site, status=503))
        call = await twilio.placed()
        assert (await site.client.delete(response.headers["Location"])).status == 204
        await until(lambda: twilio.ended == [call.sid])
        await gone(site)
        await place(site)
        assert len(twilio.calls) == 1 or twilio.calls[1].form["To"] == AMY


async def test_twilio_is_asked_for_no_longer_a_call_than_it_takes() -> None:
    async with calling(max_dialed_seconds=604_800.0) as (site, twilio):
        seen = Followed(site)
        await place(site)
        call = await twilio.placed()
        assert call.form["TimeLimit"] == "86400"
        await twilio.tell(call, "busy")
        await until(lambda: seen.left())
        assert "busy" in seen.left()[0].reason
