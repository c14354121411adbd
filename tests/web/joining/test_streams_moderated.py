"""Callers of every provider over real sockets: in the lobby, on hold, and asked for a PIN."""

from __future__ import annotations

from typing import Any

import pytest

from conference.room.events import RoomEvent, TalkingStarted
from conference.room.participant import Participant
from conference.settings import Settings
from conference.telephony.connecting import send_message
from conference.telephony.dialects.known import DIALECTS, stream_path
from conference.telephony.phone import Phone
from tests.tones import tone
from tests.web.doubles import MERGE_PATCH, Site
from tests.web.joining.test_calling import call
from tests.web.joining.test_dialing import until
from tests.web.joining.test_media_streams import dial

every_dialect = pytest.mark.parametrize("name", DIALECTS)
PIN = "8642"


def caller(site: Site) -> Participant | None:
    room = site.server.conference.get("tea")
    return None if room is None else next((one for one in room.participants.values() if one.name == "Amy"), None)


async def change(site: Site, **what: Any) -> None:
    amy = caller(site)
    assert amy is not None
    where = f"/rooms/tea/participants/{amy.id}"
    assert (await site.client.patch(where, json=what, headers=MERGE_PATCH)).status == 200


@every_dialect
async def test_a_caller_waits_in_the_lobby_is_let_in_and_put_on_hold(name: str) -> None:
    phone = Phone(parameters={"name": "Amy"}, dialect=DIALECTS[name])
    async with Site(Settings(lobby="admit")) as site:
        ben = await call(site, name="Ben")
        socket = await dial(site, phone, stream_path(phone.dialect, "tea"))
        await until(lambda: caller(site) is not None)
        amy = caller(site)
        assert amy is not None
        assert amy.waiting
        talked: list[RoomEvent] = []
        site.server.conference.subscribe(
            None, lambda event: talked.append(event) if isinstance(event, TalkingStarted) else None
        )
        loud = phone.codec.make_encoder()
        said = [phone.say(loud.encode(tone(440, 0.02))) for _ in range(30)]
        for message in said:
            await send_message(socket, message)
        await change(site, waiting=False)
        await until(lambda: not amy.waiting)
        for _ in range(30):
            await send_message(socket, phone.say(loud.encode(tone(440, 0.02))))
        await until(lambda: talked)
        await change(site, held=True)
        assert amy.held
        assert not amy.talking
        await change(site, held=False)
        await socket.close()
        await until(lambda: caller(site) is None)
        await ben.close()


@every_dialect
async def test_a_caller_keys_in_the_rooms_pin(name: str) -> None:
    phone = Phone(parameters={"name": "Amy"}, dialect=DIALECTS[name])
    async with Site(Settings(pins=(("tea", PIN),))) as site:
        socket = await dial(site, phone, stream_path(phone.dialect, "tea"))
        keys = [phone.press(one) for one in f"{PIN}#"]
        if name == "freeswitch":  # has no keys: whoever has no token stays outside
            await send_message(socket, phone.say(phone.codec.silent_frame))
            await until(lambda: site.server.calls)
            assert keys == [None] * 5
            assert caller(site) is None
        else:
            await until(lambda: site.server.calls)
            for message in keys:
                assert message is not None
                await send_message(socket, message)
            await until(lambda: caller(site) is not None)
        await socket.close()
        await until(lambda: not site.server.calls)
