"""Warm transfers: on hold, called, talked to alone, brought in, handed over; and taken back if nobody is to be had."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from conference.access.grants import make_grant
from conference.access.tokens import sign
from conference.room.events import RoomEvent, TransferUpdated
from conference.room.participant import Participant
from tests.web.doubles import MERGE_PATCH, Site, problem
from tests.web.joining.audio_client import until
from tests.web.joining.test_dialed_phone import AMY, calling
from tests.web.joining.twilio_api import PhoneCall, TwilioApi
from tests.web.passes import SECRET


@asynccontextmanager
async def begun(
    *, follow: Callable[[RoomEvent], None] | None = None, **call: Any
) -> AsyncIterator[tuple[Site, TwilioApi, PhoneCall, str, dict[str, str]]]:
    """A caller, whom an agent (the host) is about to hand over, and somebody else in the room."""
    async with calling() as (site, twilio):
        agent = ids(site)["Host"]
        if follow is not None:
            site.server.conference.subscribe(None, follow)
        for name in ("Caller", "Other"):
            await site.join(name=name)
        body = {"caller": ids(site)["Caller"], "agent": agent, "call": {"to": AMY, "name": "Amy"} | call}
        response = await site.client.post("/rooms/tea/transfers", json=body)
        assert response.status == 201, await response.text()
        shown = await response.json()
        assert (shown["state"], shown["callee"]) == ("calling", ids(site)["Amy"])
        placed = await twilio.placed()
        yield site, twilio, placed, response.headers["Location"], ids(site)


def ids(site: Site) -> dict[str, str]:
    return {one.name: one.id for one in site.server.conference.rooms["tea"].participants.values()}


def person(site: Site, name: str) -> Participant:
    return site.server.conference.rooms["tea"].participants[ids(site)[name]]


def hears(site: Site, listener: str, source: str) -> bool:
    room = site.server.conference.rooms["tea"]
    one, other = person(site, listener), person(site, source)
    return not (one.absent or other.absent) and room.hearing.gain(one.id, other.id) > 0


def who_hears_whom(site: Site) -> set[str]:
    names = sorted(ids(site))
    return {f"{one}<{other}" for one in names for other in names if one != other and hears(site, one, other)}


ALL = {"Amy", "Caller", "Host", "Other"}
APART = {"Amy<Host", "Host<Amy"}
TOGETHER = {f"{one}<{other}" for one in ALL for other in ALL if one != other}


async def answered(site: Site, twilio: TwilioApi, call: PhoneCall) -> None:
    await twilio.tell(call, "ringing")
    await twilio.answer(call)
    await until(lambda: person(site, "Amy").call == "answered")


async def patch(site: Site, where: str, state: str) -> Any:
    return await site.client.patch(where, json={"state": state}, headers=MERGE_PATCH)


async def test_the_whole_of_it() -> None:
    async with begun() as (site, twilio, call, where, _):
        assert person(site, "Caller").held
        assert who_hears_whom(site) == APART
        assert (await patch(site, where, "joined")).status == 409  # nobody has answered
        await answered(site, twilio, call)
        assert (await (await site.client.get(where)).json())["state"] == "consulting"
        assert who_hears_whom(site) == APART
        listed = (await (await site.client.get("/rooms/tea/transfers")).json())["transfers"]
        assert [one["state"] for one in listed] == ["consulting"]
        response = await patch(site, where, "completed")
        assert (response.status, (await response.json())["state"]) == (200, "completed")
        assert set(ids(site)) == ALL - {"Host"}
        assert who_hears_whom(site) == {one for one in TOGETHER if "Host" not in one}
        await problem(await site.client.get(where))
        assert (await (await site.client.get("/rooms/tea/transfers")).json())["transfers"] == []
        assert not twilio.ended


async def test_the_agent_may_stay_with_them() -> None:
    async with begun() as (site, twilio, call, where, _):
        await answered(site, twilio, call)
        assert (await (await patch(site, where, "joined")).json())["state"] == "joined"
        assert who_hears_whom(site) == TOGETHER
        assert not site.server.conference.rooms["tea"].hearing.rules


@pytest.mark.parametrize("answers", [False, True])
async def test_it_is_taken_back(answers: bool) -> None:
    async with begun() as (site, twilio, call, where, _):
        if answers:
            await answered(site, twilio, call)
        assert (await site.client.delete(where)).status == 204
        assert set(ids(site)) == ALL - {"Amy"}
        assert not person(site, "Caller").held
        assert who_hears_whom(site) == {one for one in TOGETHER if "Amy" not in one}
        if call.socket is not None:
            await call.socket.close()
        await until(lambda: twilio.ended == [call.sid])
        assert (await site.client.delete(where)).status == 404


async def test_whoever_is_not_to_be_had_gives_the_caller_back() -> None:
    async with begun() as (site, twilio, call, where, _):
        await twilio.tell(call, "busy")
        await until(lambda: "Amy" not in ids(site) and not person(site, "Caller").held)
        assert who_hears_whom(site) == {one for one in TOGETHER if "Amy" not in one}
        assert (await patch(site, where, "joined")).status == 404
        await until(lambda: not list(site.server.dialing.calls))


async def test_an_agent_who_hangs_up_while_they_talk_has_handed_over() -> None:
    async with begun() as (site, twilio, call, _, people):
        await answered(site, twilio, call)
        await site.client.delete(f"/rooms/tea/participants/{people['Host']}")
        await until(lambda: not person(site, "Caller").held)
        assert who_hears_whom(site) == {one for one in TOGETHER if "Host" not in one}
        assert not twilio.ended


async def test_an_agent_who_hangs_up_before_leaves_nobody_on_hold() -> None:
    async with begun() as (site, twilio, call, _, people):
        await site.client.delete(f"/rooms/tea/participants/{people['Host']}")
        await until(lambda: twilio.ended == [call.sid])
        assert set(ids(site)) == {"Caller", "Other"}
        assert not person(site, "Caller").held


async def test_a_caller_who_hangs_up_leaves_the_two_in_the_room() -> None:
    async with begun() as (site, twilio, call, _, people):
        await answered(site, twilio, call)
        await site.client.delete(f"/rooms/tea/participants/{people['Caller']}")
        await until(lambda: len(who_hears_whom(site)) == 6)


async def test_a_caller_who_hangs_up_while_it_rings_leaves_nobody_ringing() -> None:
    async with begun() as (site, twilio, call, _, people):
        await twilio.tell(call, "ringing")
        await site.client.delete(f"/rooms/tea/participants/{people['Caller']}")
        await until(lambda: twilio.ended == [call.sid])
        assert set(ids(site)) == {"Host", "Other"}
        assert len(who_hears_whom(site)) == 2


@pytest.mark.parametrize(
    ("end", "states"),
    [
        ("joined", ["calling", "consulting", "joined"]),
        ("completed", ["calling", "consulting", "completed"]),
        ("cancel", ["calling", "canceled"]),
        ("busy", ["calling", "failed"]),
        ("caller", ["calling", "canceled"]),
        ("hung up", ["calling", "consulting", "failed"]),
    ],
)
async def test_each_step_is_told(end: str, states: list[str]) -> None:
    told: list[TransferUpdated] = []

    def follow(event: RoomEvent) -> None:
        if isinstance(event, TransferUpdated):
            told.append(event)

    async with begun(follow=follow) as (site, twilio, call, where, people):
        assert [one.transfer.state for one in told] == ["calling"]
        if "consulting" in states:
            await answered(site, twilio, call)
        if end in ("joined", "completed"):
            await patch(site, where, end)
        elif end == "cancel":
            await site.client.delete(where)
        elif end == "busy":
            await twilio.tell(call, "busy")
        elif end == "caller":
            await site.client.delete(f"/rooms/tea/participants/{people['Caller']}")
        else:
            await call.socket.close()
        await until(lambda: len(told) >= len(states))
        assert [one.transfer.state for one in told] == states
        one = told[-1].transfer
        assert (one.caller, one.agent, one.callee) == (people["Caller"], people["Host"], people["Amy"])
        assert {event.room for event in told} == {"tea"}


async def test_whoever_comes_in_meanwhile_neither_hears_nor_is_heard_by_those_who_talk_alone() -> None:
    async with begun() as (site, twilio, call, _, __):
        await answered(site, twilio, call)
        await site.join(name="Late")
        assert who_hears_whom(site) == APART | {"Late<Other", "Other<Late"}


async def test_only_the_agent_hears_it_ring() -> None:
    async with begun(ringback="ringing-tone") as (site, twilio, call, _, people):
        await twilio.tell(call, "ringing")
        sounds = list(site.server.conference.rooms["tea"]._board.sounds.values())
        assert [one.audience for one in sounds if one.name == "ringing-tone"] == [frozenset({people["Host"]})]


async def test_a_room_that_ends_meanwhile_leaves_nothing_behind() -> None:
    async with begun() as (site, twilio, call, _, __):
        assert (await site.client.delete("/rooms/tea")).status == 204
        await until(lambda: twilio.ended == [call.sid])
        await until(lambda: not site.server.transfers._all)


async def test_what_cannot_be_is_refused_and_nobody_is_called() -> None:
    async with begun() as (site, twilio, _, where, people):
        call = {"to": AMY}
        for body, status in (
            ({"caller": people["Host"], "agent": people["Host"], "call": call}, 409),
            ({"caller": people["Caller"], "agent": people["Other"], "call": call}, 409),  # is in one
            ({"caller": "nobody", "agent": people["Host"], "call": call}, 404),
            ({"caller": people["Other"], "call": call}, 400),  # whose?
            ({"caller": people["Other"], "agent": people["Host"]}, 400),
            ({"caller": people["Other"], "agent": people["Host"], "call": {"to": "1"}}, 400),
            ({"caller": people["Other"], "agent": people["Host"], "call": []}, 400),
        ):
            response = await site.client.post("/rooms/tea/transfers", json=body)
            assert response.status == status, body
            await problem(response)
        await problem(await patch(site, where, "calling"))
        await problem(await site.client.post("/rooms/milk/transfers", json={"caller": "a", "agent": "b", "call": call}))
        assert len(twilio.calls) == 1


async def test_it_takes_both_the_right_to_moderate_and_to_call() -> None:
    async with calling(secret=SECRET) as (site, twilio):
        for rights, status in ((["moderate"], 403), (["dial"], 403), (["moderate", "dial"], 404)):
            token = sign(make_grant("host", room="tea", rights=rights, expires_at=4e9), SECRET)  # type: ignore[arg-type]
            headers = {"Authorization": f"Bearer {token}"}
            await site.client.post(
                "/rooms/tea/participants",
                data="v=0\r\n",
                headers={"Content-Type": "application/sdp"}
                | {"Authorization": f"Bearer {sign(make_grant('host', room='tea', expires_at=4e9), SECRET)}"},
            )
            body = {"caller": "a", "agent": "b", "call": {"to": AMY}}
            response = await site.client.post("/rooms/tea/transfers", json=body, headers=headers)
            assert response.status == status
        assert not twilio.calls
        assert not list(site.server.dialing.calls)
