from __future__ import annotations

from conference.room.events import ParticipantUpdated, RoomEvent
from conference.settings import Settings
from tests.web.doubles import MERGE_PATCH, Site, problem


async def test_a_lost_connection_comes_back_into_the_same_seat() -> None:
    async with Site() as site:
        joined = await site.join(name="Amy")
        location, proof = joined.headers["Location"], joined.headers["Conference-Seat"]
        before = await (await site.client.get(location)).json()
        await site.client.patch(location, data='{"muted": true}', headers=MERGE_PATCH)
        seen: list[RoomEvent] = []
        site.server.conference.subscribe("tea", seen.append)

        again = await site.join(name="Somebody else", **{"Conference-Seat": proof})

        assert again.status == 201
        assert again.headers["Location"] == location
        assert again.headers["ETag"] != joined.headers["ETag"]
        after = await (await site.client.get(location)).json()
        assert (after["name"], after["muted"], after["joined_at"]) == ("Amy", True, before["joined_at"])
        assert [type(event) for event in seen] == [ParticipantUpdated]
        old, new = site.webrtc.peers
        assert (old.closed, new.closed) == (1, 0)
        assert site.server.conference.rooms["tea"].participants[after["id"]].source is new.source


async def test_the_end_of_the_replaced_connection_takes_nobody_along() -> None:
    async with Site() as site:
        joined = await site.join()
        old_end = site.webrtc.peers[0].on_end
        [participant] = site.server.conference.rooms["tea"].participants.values()
        old_hang_up = participant.hang_up
        await site.join(**{"Conference-Seat": joined.headers["Conference-Seat"]})
        assert old_end is not None
        assert old_hang_up is not None
        old_end("connection lost")
        old_hang_up("too late")
        assert (await site.client.get(joined.headers["Location"])).status == 200


async def test_an_empty_seat_is_taken_again_with_its_mute() -> None:
    async with Site() as site:
        joined = await site.join()
        location = joined.headers["Location"]
        await site.client.patch(location, data='{"muted": true}', headers=MERGE_PATCH)
        on_end = site.webrtc.peers[0].on_end
        assert on_end is not None
        on_end("connection lost")
        assert site.server.conference.rooms == {}
        again = await site.join(**{"Conference-Seat": joined.headers["Conference-Seat"]})
        assert again.headers["Location"] == location
        assert (await (await site.client.get(location)).json())["muted"] is True


async def test_a_seat_that_was_never_given_is_refused() -> None:
    async with Site() as site:
        proof = (await site.join()).headers["Conference-Seat"]
        flipped = proof[:-1] + ("0" if proof[-1] != "0" else "1")
        for wrong in (flipped, "", "x", proof + "0", "é"):
            response = await site.join(**{"Conference-Seat": wrong})
            assert response.status == 403, wrong
            await problem(response)


async def test_a_seat_is_good_for_its_own_room_only() -> None:
    async with Site() as site:
        proof = (await site.join("tea")).headers["Conference-Seat"]
        assert (await site.join("coffee", **{"Conference-Seat": proof})).status == 403


async def test_a_full_room_still_lets_its_own_people_back() -> None:
    async with Site(Settings(max_participants_per_room=1)) as site:
        proof = (await site.join()).headers["Conference-Seat"]
        assert (await site.join(**{"Conference-Seat": proof})).status == 201
