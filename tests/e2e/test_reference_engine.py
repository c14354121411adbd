"""Participants over aiortc's own connections: a program's, tied to a room, and a server made of nothing else."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

import conference
from conference.audio.frame import SAMPLE_RATE
from conference.settings import Settings
from tests.e2e.people import webrtc_person
from tests.e2e.running import eventually, running_server
from tests.tones import level_at
from tests.webrtc.stock import StockPeer

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("nothing_is_left")]

PATIENCE = 40


def own_connection() -> RTCPeerConnection:
    return RTCPeerConnection(RTCConfiguration(iceServers=[]))


async def answered(pc: RTCPeerConnection, client: StockPeer) -> None:
    """Do the signalling that a program does for its own connection."""
    await pc.setRemoteDescription(RTCSessionDescription(await client.offer(), "offer"))
    await pc.setLocalDescription(await pc.createAnswer())
    await client.take(pc.localDescription.sdp)


@pytest.mark.parametrize("first", ["attach", "offer"])
async def test_somebody_elses_connection_hears_a_room_and_is_heard_there(first: str) -> None:
    client, pc = StockPeer(), own_connection()
    async with conference.Server(port=0) as server:
        room = server.room("tea")
        bot = room.join("Bot")
        frames = bot.frames()
        if first == "attach":
            attached = room.attach(pc, "Amy")
            await answered(pc, client)
        else:
            await pc.setRemoteDescription(RTCSessionDescription(await client.offer(), "offer"))
            attached = room.attach(pc, "Amy")
            await pc.setLocalDescription(await pc.createAnswer())
            await client.take(pc.localDescription.sdp)
        assert [(one.name, one.transport) for one in room.participants] == [("Bot", "local"), ("Amy", "webrtc")]
        async with asyncio.timeout(PATIENCE):
            heard = np.zeros(SAMPLE_RATE // 2, np.int16)
            while level_at(heard, SAMPLE_RATE, 440.0) < -20:  # she hums at -12
                heard = np.concatenate([(await anext(frames)).samples for _ in range(25)])
            while client.loudest < 3000:
                bot.push(np.full(960, 8000, np.int16) * np.where(np.arange(960) % 96 < 48, 1, -1).astype(np.int16))
                await anext(frames)
        attached.leave()
        assert [one.name for one in room.participants] == ["Bot"]
        await pc.close()
        await client.close()


async def test_who_closes_their_connection_leaves_the_room() -> None:
    client, pc = StockPeer(), own_connection()
    async with conference.Server(port=0) as server:
        attached = server.room("tea").attach(pc, "Amy")
        await answered(pc, client)
        await eventually(lambda: pc.connectionState == "connected", "it connects", within=PATIENCE)
        await client.close()
        assert await asyncio.wait_for(attached.ended(), PATIENCE) == "The participant left."
        assert server.room("tea").participants == []
        await pc.close()


async def test_a_closed_connection_and_a_locked_room_are_sentences_and_leave_nothing() -> None:
    async with conference.Server(port=0) as server:
        room = server.room("tea")
        closed = own_connection()
        await closed.close()
        with pytest.raises(conference.ConnectionClosed, match="make another"):
            room.attach(closed)
        room.join("Bot")
        room.lock()
        pc = own_connection()
        with pytest.raises(conference.RoomLocked):
            room.attach(pc)
        await pc.close()


async def test_a_connection_that_found_no_place_or_left_before_it_came_up_can_be_in_another_room() -> None:
    client, pc = StockPeer(), own_connection()
    async with conference.Server(port=0) as server:
        full, room = server.room("full"), server.room("tea")
        full.join("Bot")
        full.lock()
        with pytest.raises(conference.RoomLocked):
            full.attach(pc, "Amy")
        room.attach(pc, "Amy").leave()
        attached = room.attach(pc, "Amy")
        with pytest.raises(conference.ConnectionClosed, match="is in a room"):
            room.attach(pc, "Amy")
        await answered(pc, client)
        await eventually(lambda: client.frames > 5, "the mix comes", within=PATIENCE)
        attached.leave()
        with pytest.raises(conference.ConnectionClosed, match="was in one"):
            room.attach(pc, "Amy")
        await pc.close()
        await client.close()


async def test_who_is_removed_hears_no_more_and_the_connection_stays_its_owners() -> None:
    client, pc = StockPeer(), own_connection()
    async with conference.Server(port=0) as server:
        attached = server.room("tea").attach(pc, "Amy")
        await answered(pc, client)
        await eventually(lambda: client.frames > 5, "the mix comes", within=PATIENCE)
        server.room("tea").remove(attached.id)
        assert await attached.ended() == "removed"
        assert pc.connectionState == "connected"
        await pc.close()
        await client.close()


async def test_a_server_of_the_reference_takes_all_who_come_and_lets_go_of_them() -> None:
    async with running_server(Settings(port=0, engine="aiortc")) as server:
        async with webrtc_person(server.url, "tea", "Amy") as amy:
            assert amy.peer.location is not None
            there = server.live.conference.rooms["tea"].participants
            await eventually(lambda: len(there) == 1, "she is there")
        await eventually(lambda: not server.live.conference.rooms, "she is gone", within=PATIENCE)
