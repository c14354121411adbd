"""A room calls an application by its voice webhook, and does what its TwiML says."""

from __future__ import annotations

import asyncio
import base64
import io
import sys
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from twilio.request_validator import RequestValidator

from conference.room.events import ParticipantUpdated, RoomEvent, TalkingStarted
from conference.web.app import hang_up_all
from conference.web.joining.dialed import DialedCall
from tests.tones import tone
from tests.web.doubles import Site, problem
from tests.web.joining.test_dialing import Bot, gone, leavings, site, until

SPEECH = (sys.executable, "-c", "import sys; sys.stdin.read(); sys.stdout.buffer.write(open(sys.argv[1], 'rb').read())")


def wav(seconds: float) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(tone(440.0, seconds, rate=8000).tobytes())
    return file.getvalue()


class Application:
    """Answers its webhook with one document after the other, and notes what it was asked with."""

    def __init__(self, *documents: str, bot: Bot | None = None) -> None:
        self.documents = list(documents)
        self.bot = bot or Bot()
        self.asked: list[dict[str, str]] = []
        self.signatures: list[str] = []
        self.sound = wav(0.5)
        self.url = ""

    async def voice(self, request: web.Request) -> web.StreamResponse:
        form = await request.post() if request.method == "POST" else request.query
        self.asked.append({key: str(value) for key, value in form.items()})
        self.signatures.append(request.headers.get("X-Twilio-Signature", ""))
        inner = self.documents.pop(0) if len(self.documents) > 1 else self.documents[0]
        if inner.isdigit():
            return web.Response(status=int(inner), headers={"Location": "/"})
        text = inner if inner.startswith("!") else f"<Response>{inner}</Response>"
        return web.Response(text=text.replace("WS", self.url.replace("http", "ws")), content_type="text/xml")

    async def play(self, _: web.Request) -> web.Response:
        return web.Response(body=self.sound)


@asynccontextmanager
async def serving(application: Application) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/voice", application.voice)
    app.router.add_post("/next", application.voice)
    app.router.add_get("/asked-with-get", application.voice)
    app.router.add_get("/sound", application.play)
    app.router.add_get("/bot", application.bot.__call__)
    server = TestServer(app)
    await server.start_server(shutdown_timeout=0.1)  # a call may go on
    application.url = f"http://127.0.0.1:{server.port}"
    try:
        yield f"{application.url}/voice"
    finally:
        await server.close()


async def place(here: Site, webhook: str, **more: Any) -> Any:
    response = await here.client.post("/rooms/tea/calls", json={"webhook": webhook, "name": "App", **more})
    assert response.status == 201, await response.text()
    return response


def events_of(here: Site) -> list[RoomEvent]:
    events: list[RoomEvent] = []
    here.server.conference.subscribe(None, events.append)
    return events


async def test_a_stream_is_connected_with_its_parameters() -> None:
    stream = '<Stream url="WS/bot"><Parameter name="a" value="b"/></Stream>'
    application = Application(f"<Connect>{stream}</Connect>")
    async with site() as here, serving(application) as url:
        await here.join()
        left, events = leavings(here), events_of(here)
        await place(here, url, parameters={"lang": "en"})
        await until(lambda: application.bot.events("media"))
        assert application.bot.told[1]["start"]["customParameters"] == {"lang": "en", "a": "b"}
        assert application.asked[0]["CallSid"] == application.bot.told[1]["start"]["callSid"]
        assert (application.asked[0]["CallStatus"], application.asked[0]["lang"]) == ("ringing", "en")
        [call] = here.server.dialing.calls
        assert not left
        assert isinstance(call, DialedCall)
        assert call._socket is not None
        call._socket.abort()
        await until(lambda: left)
        assert any(isinstance(one, ParticipantUpdated) and one.participant.call == "answered" for one in events)
        await gone(here)


async def test_a_stream_that_its_bot_closes_is_followed_by_the_next_verb() -> None:
    async def close(socket: web.WebSocketResponse, _: str) -> None:
        await socket.close()

    application = Application(
        '<Connect><Stream url="WS/bot"/></Connect><Redirect>/next</Redirect>', "<Reject/>", bot=Bot(close)
    )
    async with site() as here, serving(application) as url:
        await here.join()
        left = leavings(here)
        await place(here, url)
        await until(lambda: left)
        assert "rejects" in left[0].reason
        assert [one["CallStatus"] for one in application.asked] == ["ringing", "in-progress"]
        await gone(here)


@pytest.mark.parametrize("verb", ["<Play>/sound</Play>", "<Say>Hello</Say>"])
async def test_what_it_says_and_plays_is_heard_in_the_room(verb: str, tmp_path: Any) -> None:
    application = Application(f"{verb}<Pause/>")
    (tmp_path / "spoken.wav").write_bytes(application.sound)
    async with site(speech_command=(*SPEECH, str(tmp_path / "spoken.wav"))) as here, serving(application) as url:
        await here.join()
        left, events = leavings(here), events_of(here)
        await place(here, url)
        await until(lambda: left)
        assert left[0].reason == "hung up"
        assert any(isinstance(one, TalkingStarted) for one in events)
        await gone(here)


@pytest.mark.parametrize(
    ("document", "word"),
    [
        ("500", "HTTP status 500"),
        ("302", "redirected elsewhere"),
        ("!no XML", "not XML"),
        ("!" + "x" * 70_000, "more than 65536 bytes"),
        ("<Dial>+1</Dial>", "<Dial>"),
        ("<Say>Hello</Say>", "--speech-command"),
        ("<Redirect>/next</Redirect>", "more than 50 times"),
        ("<Redirect>http://10.0.0.1/</Redirect>", "--dial-allow"),
        ("<Play>http://10.0.0.1/</Play>", "--dial-allow"),
        ('<Connect><Stream url="ws://10.0.0.1/"/></Connect>', "--dial-allow"),
        ('<Connect><Stream url="http://127.0.0.1/"/></Connect>', "no wss:// address"),
        ("<Play>/voice</Play>", "HTTP status 405"),
        ("<Redirect>http://[</Redirect>", "no http:// address"),
        ("<Redirect>tcp://127.0.0.1:1/</Redirect>", "no http:// address"),
        ("<Redirect>ws://127.0.0.1:1/</Redirect>", "no http:// address"),
        ("<Redirect>file:///etc/passwd</Redirect>", "no http:// address"),
        ("<Play>http://[</Play>", "no http:// address"),
        ("<Play>http://127.0.0.1:99999/</Play>", "no http:// address"),
        ('<Connect><Stream url="ws://["/></Connect>', "no wss:// address"),
        ('<Connect><Stream url="wss://a..b/"/></Connect>', "no wss:// address"),
    ],
)
async def test_what_cannot_be_followed_ends_the_call_with_the_reason(document: str, word: str) -> None:
    application = Application(document)
    async with site() as here, serving(application) as url:
        await here.join()
        left = leavings(here)
        await place(here, url)
        await until(lambda: left)
        assert word in left[0].reason
        await gone(here)
        assert list(here.server.conference.rooms) == ["tea"]


async def test_who_may_only_listen_is_led_on_when_their_sound_would_be_over() -> None:
    async def speak(socket: web.WebSocketResponse, sid: str) -> None:
        payload = base64.b64encode(b"\x01" * 800).decode()
        await socket.send_json({"event": "media", "streamSid": sid, "media": {"payload": payload}})
        await socket.send_json({"event": "mark", "streamSid": sid, "mark": {"name": "said"}})

    bot = Bot(speak)
    application = Application('<Play>/sound</Play><Connect><Stream url="WS/bot"/></Connect>', bot=bot)
    async with site() as here, serving(application) as url:
        await here.join()
        await place(here, url, role="listener")
        await until(lambda: bot.events("mark"))


async def test_what_is_left_of_a_stream_does_not_go_into_the_next() -> None:
    async def leave(socket: web.WebSocketResponse, sid: str) -> None:
        payload = base64.b64encode(b"\x01" * 8000).decode()
        await socket.send_json({"event": "media", "streamSid": sid, "media": {"payload": payload}})
        await socket.send_json({"event": "mark", "streamSid": sid, "mark": {"name": "never reached"}})
        await socket.close()

    bot = Bot(leave)
    stream = '<Connect><Stream url="WS/bot"/></Connect>'
    application = Application(f'{stream}<Pause length="2"/>{stream}', bot=bot)
    async with site() as here, serving(application) as url:
        await here.join()
        left = leavings(here)
        await place(here, url)
        await until(lambda: left)
        assert len(bot.events("start")) == 2
        assert not bot.events("mark")


async def test_a_playlist_is_no_sound() -> None:
    application = Application("<Play>/sound</Play>")
    application.sound = b"#EXTM3U\nfile:///etc/passwd\n"
    async with site() as here, serving(application) as url:
        await here.join()
        left = leavings(here)
        await place(here, url)
        await until(lambda: left)
        assert "neither WAV" in left[0].reason


async def test_it_is_hung_up_on_in_whatever_it_does() -> None:
    application = Application('<Pause length="600"/>')
    async with site() as here, serving(application) as url:
        await here.join()
        left = leavings(here)
        response = await place(here, url)
        await until(lambda: application.asked)
        assert (await here.client.delete(response.headers["Location"])).status == 204
        await gone(here)
        assert left[0].departure == "removed"
        await place(here, url)
        await until(lambda: len(application.asked) == 2)
        await hang_up_all(here.app)
        await gone(here)


async def test_where_there_is_a_token_the_request_is_signed_as_twilio_signs() -> None:
    application = Application("<Hangup/>")
    async with site(twilio_auth_token="12345", public_url="https://a.example") as here, serving(application) as url:
        await here.join()
        left = leavings(here)
        await place(here, url)
        await until(lambda: left)
        assert RequestValidator("12345").validate(url, application.asked[0], application.signatures[0])


@pytest.mark.parametrize(
    "body", [{"url": "ws://127.0.0.1:1/", "webhook": "http://127.0.0.1:1/"}, {"webhook": "ws://x/"}]
)
async def test_it_is_the_one_or_the_other(body: dict[str, str]) -> None:
    async with site() as here:
        await problem(await here.client.post("/rooms/tea/calls", json=body))
        await asyncio.sleep(0)
        assert not list(here.server.dialing.calls)
