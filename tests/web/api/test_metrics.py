from __future__ import annotations

import asyncio
import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from conference.settings import Settings
from tests.room.fakes import Mouth, steady
from tests.web.doubles import Site


async def figures(site: Site) -> dict[str, float]:
    response = await site.client.get("/metrics")
    assert response.status == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    text = await response.text()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {sample.name + "".join(f"/{value}" for value in sample.labels.values()): sample.value for sample in samples}


async def test_the_figures_are_those_of_the_live_objects() -> None:
    async with Site() as site:
        await site.join("tea")
        await site.join("tea")
        await site.join("coffee")
        site.webrtc.peers[0].counts.packets_in = 40
        site.webrtc.peers[1].counts.packets_in = 2
        amy = next(iter(site.server.conference.rooms["tea"].participants.values()))
        amy.source = Mouth([steady(3000)] * 10_000)
        while not amy.talking:
            await figures(site)
        found = await figures(site)
        assert found["conference_rooms"] == 2
        assert found["conference_participants/webrtc"] == 3
        assert found["conference_participants/twilio"] == 0
        assert found["conference_talking"] == 1
        assert found["conference_packets_received_total/webrtc"] == 42
        assert found["conference_call_streams"] == 0
        assert found["conference_tick_lateness_seconds_bucket/+Inf"] == found["conference_tick_lateness_seconds_count"]
        assert found["conference_opus_complexity"] == 10
        for name in (
            "conference_opus_complexity_changes_total/down",
            "conference_opus_complexity_changes_total/up",
            "conference_load_ratio",
            "conference_ticks_late_total",
            "conference_encoders",
            "conference_decode_errors_total/twilio",
            "conference_levels_mistrusted_total/webrtc",
        ):
            assert name in found
        assert found["process_resident_memory_bytes"] > 1_000_000
        assert found["process_cpu_seconds_total"] > 0


DOCUMENT = Path(__file__).parents[3] / "docs" / "interfaces.md"
ELSEWHERE = {"conference_captions_total", "conference_captions_unheard_total", "conference_captions_restarts_total",
             "conference_captions_waiting_bytes", "conference_udp_datagrams_total",
             "conference_udp_datagrams_dropped_total",
             "conference_recordings", "conference_recordings_bytes", "conference_recordings_waiting_bytes",
             "conference_recordings_to_upload", "conference_recordings_broken_off_total",
             "conference_recordings_failed_total",
             "conference_nodes", "conference_redis_unavailable", "conference_trunk_datagrams_total"}  # fmt: skip
"""Figures of what the server of these tests has not: captions, recordings, other nodes, and a UDP port."""


async def test_the_document_names_all_figures_and_no_others() -> None:
    table = DOCUMENT.read_text().partition("## Metrics")[2].partition("\n## ")[0]
    documented = set(re.findall(r"`(conference_[a-z_]+)`", table)) - ELSEWHERE
    async with Site() as site:
        await site.join()
        text = await (await site.client.get("/metrics")).text()
    names = {sample.name for family in text_string_to_metric_families(text) for sample in family.samples}
    ours = {re.sub("_(bucket|count|sum|created)$", "", one) for one in names if one.startswith("conference_")}
    assert ours == documented


async def test_recordings_have_figures_where_there_are_any(tmp_path: Path) -> None:
    async with Site(Settings(recordings=tmp_path)) as site:
        await site.join()
        begun = await (await site.client.post("/rooms/tea/recordings")).json()
        found = await figures(site)
        assert found["conference_recordings/recording"] == 1
        assert found["conference_recordings/failed"] == 0
        for name in ("waiting_bytes", "to_upload", "broken_off_total", "failed_total"):
            assert found[f"conference_recordings_{name}"] == 0
        recordings = site.server.recordings
        assert recordings is not None
        recordings._cannot_go_on(begun["id"], "The disk is full.")
        assert (await figures(site))["conference_recordings_broken_off_total"] == 1
        async with asyncio.timeout(60):
            while recordings.all[begun["id"]].status == "finishing":
                await recordings.changed()
        found = await figures(site)
        assert found[f"conference_recordings/{recordings.all[begun['id']].status}"] == 1
        assert found["conference_recordings_bytes"] == recordings.all[begun["id"]].bytes


async def test_a_server_that_is_drained_says_so() -> None:
    async with Site() as site:
        assert (await figures(site))["conference_draining"] == 0
        await site.join()
        await site.client.post("/drain")
        assert (await figures(site))["conference_draining"] == 1


async def test_what_a_connection_carried_still_counts_when_it_is_gone() -> None:
    async with Site() as site:
        location = (await site.join()).headers["Location"]
        site.webrtc.peers[0].counts.packets_in = 40
        await site.client.delete(location)
        assert (await figures(site))["conference_packets_received_total/webrtc"] == 40
