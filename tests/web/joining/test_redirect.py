"""A bot redirects the call that it was called with, by Twilio's request; and one that drops is called again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web

from conference.room.events import ParticipantUpdated
from conference.web.app import hang_up_all
from conference.web.joining import dialed
from tests.web.doubles import Site, problem
from tests.web.joining.test_dialing import Bot, gone, leavings, place, site, until
from tests.web.joining.test_dialing import serving as serving_bot
from tests.web.joining.test_twiml_call import Application, events_of, serving

CALL = "/2010-04-01/Accounts/AC1/Calls/{}.json"


def sid_of(bot: Bot) -> str:
    return str(bot.told[1]["start"]["callSid"])


async def change(here: Site, bot: Bot, **form: str) -> Any:
    return await here.client.post(CALL.format(sid_of(bot)), data=form)


async def called(here: Site, bot: Bot, url: str, **more: Any) -> Any:
    response = await place(here, url, **more)
    await until(lambda: bot.events("media"))
    return response


async def test_a_bot_redirects_its_call_to_twiml_that_leads_to_another_bot() -> None:
    first, application = Bot(), Application("<Hangup/>")
    async with site() as here, serving(application) as _, serving_bot(first) as url:
        await here.join()
        left = leavings(here)
        await called(here, first, url, parameters={"lang": "en"})
        stream = f'<Stream url="{application.url.replace("http", "ws")}/bot"><Parameter name="a" value="b"/></Stream>'
        response = await change(here, first, Twiml=f"<Response><Connect>{stream}</Connect></Response>")
        assert (response.status, (await response.json())["status"]) == (200, "in-progress")
        await asyncio.wait_for(first.ended.wait(), 10)
        assert first.told[-1]["event"] == "stop"
        await until(lambda: application.bot.events("media"))
        assert application.bot.told[1]["start"]["callSid"] == sid_of(first)
        assert application.bot.told[1]["start"]["customParameters"] == {"lang": "en", "a": "b"}
        assert not left
        assert (await change(here, first, Status="completed")).status == 200
        await until(lambda: left)
        assert (left[0].reason, left[0].departure) == ("hung up", "left")
        await gone(here)


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_call_is_led_to_an_application_that_is_asked_as_twilio_asks(method: str) -> None:
    bot, application = Bot(), Application("<Reject/>")
    async with site() as here, serving(application) as voice, serving_bot(bot) as url:
        await here.join()
        left = leavings(here)
        await called(here, bot, url)
        url = f"{voice}?x=1" if method == "POST" else voice.replace("/voice", "/asked-with-get?x=1")
        assert (await change(here, bot, Url=url, Method=method)).status == 200
        await until(lambda: left)
        assert "rejects" in left[0].reason
        assert [(one["CallSid"], one["CallStatus"]) for one in application.asked] == [(sid_of(bot), "in-progress")]
        await gone(here)


async def test_an_application_is_redirected_out_of_whatever_it_does() -> None:
    application = Application('<Pause length="600"/>')
    async with site() as here, serving(application) as url:
        await here.join()
        left = leavings(here)
        await here.client.post("/rooms/tea/calls", json={"webhook": url})
        await until(lambda: application.asked)
        address = CALL.format(application.asked[0]["CallSid"])
        for _ in range(3):  # one after the other, faster than any is begun: the last one counts
            twiml = '<Response><Pause length="600"/></Response>'
            assert (await here.client.post(address, data={"Twiml": twiml})).status == 200
        assert (await here.client.post(address, data={"Twiml": "<Response/>"})).status == 200
        await until(lambda: left)
        assert left[0].reason == "hung up"
        await gone(here)


async def test_a_call_is_hung_up_on_while_it_is_redirected() -> None:
    bot = Bot()
    async with site() as here, serving_bot(bot) as url:
        await here.join()
        left = leavings(here)
        response = await called(here, bot, url)
        [call] = here.server.dialing.calls
        await change(here, bot, Twiml='<Response><Pause length="600"/></Response>')
        assert (await here.client.delete(response.headers["Location"])).status == 204
        await gone(here)
        assert [one.departure for one in left] == ["removed"]
        assert call.room_name is None


async def test_a_call_is_not_redirected_for_ever() -> None:
    bot, application = Bot(), Application("<Redirect>/next</Redirect>")
    async with site() as here, serving(application) as voice, serving_bot(bot) as url:
        await here.join()
        left = leavings(here)
        await called(here, bot, url)
        assert (await change(here, bot, Url=voice)).status == 200
        await until(lambda: left)
        assert "redirected more than 50 times" in left[0].reason
        await gone(here)


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"Url": "http://10.0.0.1/"}, 403),
        ({"Url": "http://["}, 400),
        ({"Url": "ws://127.0.0.1/"}, 400),
        ({"Url": "http://127.0.0.1/", "Method": "PUT"}, 400),
        ({"Twiml": "no XML"}, 400),
        ({"Twiml": "<Response><Dial>+1</Dial></Response>"}, 400),
        ({"Twiml": "\ud800"}, 400),
        ({}, 400),
    ],
)
async def test_what_cannot_be_followed_is_refused_and_the_call_goes_on(form: dict[str, str], status: int) -> None:
    bot = Bot()
    async with site() as here, serving_bot(bot) as url:
        await here.join()
        left = leavings(here)
        await called(here, bot, url)
        if "\ud800" in form.get("Twiml", ""):
            response = await here.client.post(
                CALL.format(sid_of(bot)),
                data="Twiml=%ED%A0%80",
                headers={"Content-Type": "application/x-www-form-urlencoded"},
            )
        else:
            response = await change(here, bot, **form)
        assert response.status == status
        await problem(response)
        heard = len(bot.events("media"))
        await until(lambda: len(bot.events("media")) > heard)
        assert not left
        await hang_up_all(here.app)
        await gone(here)


async def test_twilios_own_library_redirects_and_ends_a_call() -> None:
    from twilio.rest import Client

    bot = Bot()
    async with site() as here, serving_bot(bot) as url:
        await here.join()
        left = leavings(here)
        await called(here, bot, url)
        client = Client("AC1", "any")
        client.api.base_url = str(here.client.make_url("/")).rstrip("/")
        call = client.calls(sid_of(bot))
        twiml = '<Response><Pause length="600"/></Response>'
        assert (await asyncio.to_thread(lambda: call.update(twiml=twiml))).status == "in-progress"
        assert (await asyncio.to_thread(lambda: call.update(status="completed"))).status == "completed"
        await until(lambda: left)
        await gone(here)
        client.http_client.session.close()


# A bot that drops


class Dropping:
    """A bot whose connection is lost, in one way or another, the first times that it is called."""

    def __init__(self, *drops: str) -> None:
        self.drops = list(drops)
        self.bots: list[Bot] = []

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        drop = self.drops.pop(0) if self.drops else ""
        if drop.isdigit() and len(drop) == 3:
            return web.Response(status=int(drop))

        async def go(socket: web.WebSocketResponse, _: str) -> None:
            if drop == "cut":
                assert request.transport is not None
                request.transport.abort()
            elif drop:
                await socket.close(code=int(drop))

        self.bots.append(Bot(go))
        return await self.bots[-1](request)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialed, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(dialed, "_LONGEST_PAUSE", 0.01)


@pytest.mark.usefixtures("at_once")
async def test_a_bot_that_drops_is_called_again_if_that_is_asked_for_and_keeps_its_place() -> None:
    bot = Dropping("cut", "503", "1012", "1001")
    async with site() as here, serving_bot(bot) as url:
        await here.join()
        left, events = leavings(here), events_of(here)
        response = await place(here, url, reconnect=True, parameters={"lang": "en"})
        await until(lambda: len(bot.bots) == 4 and bot.bots[-1].events("media"))
        assert not left
        states = [one.participant.call for one in events if isinstance(one, ParticipantUpdated)]
        assert states[:5] == ["answered", "dialing", "answered", "dialing", "answered"]
        starts = [one.told[1]["start"] for one in bot.bots]
        assert len({one["callSid"] for one in starts}) == 1
        assert len({one["streamSid"] for one in starts}) == 4
        assert all(one["customParameters"] == {"lang": "en"} for one in starts)
        shown = await (await here.client.get(response.headers["Location"])).json()
        assert shown["call"] == {"state": "answered"}
        await hang_up_all(here.app)
        await gone(here)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("drops", [["1000"], ["cut", "404"], ["cut", "1000"]])
async def test_a_bot_that_hangs_up_or_does_not_take_calls_any_more_is_let_go(drops: list[str]) -> None:
    bot = Dropping(*drops)
    async with site() as here, serving_bot(bot) as url:
        await here.join()
        left = leavings(here)
        await place(here, url, reconnect=True)
        await until(lambda: left)
        await gone(here)
        assert not bot.drops


@pytest.mark.usefixtures("at_once")
async def test_a_bot_that_stays_away_is_given_up() -> None:
    bot = Dropping("cut", *["503"] * 10_000)
    async with site(dial_reconnect_timeout=1.0) as here, serving_bot(bot) as url:
        await here.join()
        left = leavings(here)
        await place(here, url, reconnect=True)
        await until(lambda: left)
        assert "503" in left[0].reason
        await gone(here)


async def test_nobody_is_called_again_who_is_hung_up_on_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialed, "_FIRST_PAUSE", 50.0)
    bot = Dropping("cut")
    async with site() as here, serving_bot(bot) as url:
        await here.join()
        left, events = leavings(here), events_of(here)
        response = await place(here, url, reconnect=True)
        await until(lambda: [one for one in events if isinstance(one, ParticipantUpdated)][1:])  # answered, and lost
        assert (await here.client.delete(response.headers["Location"])).status == 204
        await gone(here)
        assert [one.departure for one in left] == ["removed"]
        assert len(bot.bots) == 1


async def test_a_bot_that_drops_leaves_if_nothing_else_is_asked_for() -> None:
    bot = Dropping("cut")
    async with site() as here, serving_bot(bot) as url:
        await here.join()
        left = leavings(here)
        await place(here, url)
        await until(lambda: left)
        assert left[0].departure == "lost"
        await gone(here)
