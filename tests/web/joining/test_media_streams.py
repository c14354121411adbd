"""Streams of other providers, over real WebSockets: each comes into a room at its own address."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest
from aiohttp import WSMsgType, WSServerHandshakeError

from conference.audio.g711 import ulaw_decode
from conference.settings import Settings
from conference.telephony.connecting import send_message
from conference.telephony.dialects.known import DIALECTS, stream_path
from conference.telephony.phone import Phone
from tests.tones import tone
from tests.web.doubles import Site
from tests.web.joining.test_calling import call, people, until
from tests.web.passes import SECRET, guarded, token


async def dial(site: Site, phone: Phone, path: str, **more: Any) -> Any:
    socket = await site.client.ws_connect(path, protocols=phone.dialect.subprotocols, **more)
    for message in phone.opening():
        await send_message(socket, message)
    return socket


@pytest.mark.parametrize("name", DIALECTS)
async def test_each_provider_has_an_address_and_is_heard_there(name: str) -> None:
    phone = Phone(parameters={"name": "Amy"}, dialect=DIALECTS[name])
    async with Site() as site:
        listener = await call(site, name="Ben")
        socket = await dial(site, phone, stream_path(phone.dialect, "tea"))
        assert socket.protocol == (phone.dialect.subprotocols or (None,))[0]
        await until(lambda: sorted(people(site)) == ["Amy", "Ben"])
        [amy] = [one for one in site.server.conference.rooms["tea"].participants.values() if one.name == "Amy"]
        assert amy.transport == name
        encoder, sound, loud = phone.codec.make_encoder(), tone(440, 1.0), 0
        for position in range(0, len(sound), 960):
            await send_message(socket, phone.say(encoder.encode(sound[position : position + 960])))
        async with asyncio.timeout(10):
            while loud < 10:
                message = json.loads((await listener.receive()).data)
                if message["event"] == "media":
                    loud += abs(ulaw_decode(base64.b64decode(message["media"]["payload"])).astype(int)).max() > 1000
            for _ in range(12):
                answer = await socket.receive()
                phone.receive(answer.data)
        assert phone.media_received >= 1
        assert not phone.warnings
        await socket.close()
        await until(lambda: people(site) == ["Ben"])


async def test_a_stream_at_the_wrong_address_is_told_the_right_one() -> None:
    async with Site() as site:
        socket = await dial(site, Phone(dialect=DIALECTS["vonage"]), "/twilio/stream/tea")
        async with asyncio.timeout(5):
            while (message := await socket.receive()).type is not WSMsgType.CLOSE:
                pass
        assert (message.data, "/media/vonage/tea" in message.extra) == (1003, True)
        assert not people(site)


async def test_there_is_no_such_provider() -> None:
    async with Site() as site:
        with pytest.raises(WSServerHandshakeError) as refused:
            await site.client.ws_connect("/media/pigeon/tea")
        assert refused.value.status == 404


async def test_a_provider_that_sends_no_token_is_given_one_in_the_address() -> None:
    async with Site(guarded()) as site:
        path = "/media/vonage/tea"
        refused = await dial(site, Phone(dialect=DIALECTS["vonage"]), path)
        async with asyncio.timeout(5):
            while (message := await refused.receive()).type is not WSMsgType.CLOSE:
                pass
        assert message.data == 1008
        await dial(site, Phone(dialect=DIALECTS["vonage"]), f"{path}?access_token={token()}&name=Amy")
        await until(lambda: people(site) == ["Amy"])


async def test_where_twilio_has_to_sign_others_need_a_token() -> None:
    settings = Settings(twilio_auth_token="12345", public_url="https://a.example", secret=SECRET)
    async with Site(settings) as site:
        with pytest.raises(WSServerHandshakeError) as refused:
            await site.client.ws_connect("/media/telnyx/tea")
        assert refused.value.status == 403
        await dial(site, Phone(dialect=DIALECTS["telnyx"]), f"/media/telnyx/tea?access_token={token()}&name=Amy")
        await until(lambda: people(site) == ["Amy"])
