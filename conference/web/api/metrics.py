"""``GET /metrics``: the server in figures, read from the live objects when Prometheus asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import get_args

from aiohttp import web
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from conference.room.participant import STREAM_TRANSPORTS, TRANSPORTS, Transport
from conference.room.recorded import RecordingStatus
from conference.web.access.actor import require
from conference.web.http.headers import FRESH
from conference.web.live import SERVER, Server
from conference.webrtc.server import WebRtc

_TRAFFIC = {
    "packets_in": ("conference_packets_received", "Packets of sound that came in."),
    "packets_out": ("conference_packets_sent", "Packets of sound that went out."),
    "lost_in": ("conference_packets_lost_in", "Packets that were lost on the way to the server."),
    "lost_out": ("conference_packets_lost_out", "Packets that were lost on the way to the listeners, as they say."),
    "rejected": ("conference_packets_rejected", "Packets or messages that were malformed, forged or too many."),
    "undecodable": ("conference_decode_errors", "Packets that their decoder could make nothing of."),
    "concealed": ("conference_frames_concealed", "Stretches of sound made up for packets that were not there in time."),
    "mistrusted": ("conference_levels_mistrusted", "Senders whose sound was not as loud as their packets said."),
}


CONNECTED: tuple[Transport, ...] = ("webrtc", *STREAM_TRANSPORTS, "audio")
"""The ways in that have connections."""


async def metrics(request: web.Request) -> web.Response:
    """The text format that Prometheus reads."""
    if not request.app[SERVER].settings.open_metrics:
        require(request, "moderate", None)
    registry = CollectorRegistry()
    server = request.app[SERVER]
    registry.register(ConferenceCollector(server, await server.registry.totals()))
    ProcessCollector(registry=registry)  # CPU, memory, open files
    headers = FRESH | {"Content-Type": CONTENT_TYPE_PLAIN_0_0_4}
    return web.Response(body=generate_latest(registry), headers=headers)


class ConferenceCollector(Collector):
    """Reads the figures of one server when it is asked, and keeps none.

    Args:
        server: with its live objects.
        totals: what has gone over its connections.
    """

    def __init__(self, server: Server, totals: Mapping[tuple[Transport, str], int]) -> None:
        self._server = server
        self._totals = totals

    def collect(self) -> Iterator[Metric]:
        """All metric families."""
        yield from self._people()
        yield from self._connections()
        yield from self._clock()
        yield from self._complexity()
        yield from self._traffic()
        yield from self._datagrams()
        yield from self._phones()
        yield from self._webhooks()
        yield from self._captions()
        yield from self._nodes()
        yield from self._recordings()

    def _nodes(self) -> Iterator[Metric]:
        cluster = self._server.cluster
        if cluster is None:
            return
        yield GaugeMetricFamily("conference_nodes", "Processes that are one conference.", value=len(cluster.nodes))
        stale = cluster.node.unavailable_since is not None
        yield GaugeMetricFamily("conference_redis_unavailable", "Redis cannot be reached.", value=float(stale))
        family = CounterMetricFamily(
            "conference_trunk_datagrams", "Datagrams of sound between nodes, by what became of them.", labels=["what"]
        )
        for what in ("sent", "received", "unauthentic", "malformed", "stray"):
            family.add_metric([what], cluster.trunk.counts[what])
        yield family

    def _people(self) -> Iterator[Metric]:
        server = self._server
        rooms = server.conference.rooms.values()
        everybody = [one for room in rooms for one in room.participants.values() if not one.remote]
        by_transport = Counter(one.transport for one in everybody)
        participants = GaugeMetricFamily(
            "conference_participants", "People and bots in rooms, by the way they came in.", labels=["transport"]
        )
        for transport in TRANSPORTS:
            participants.add_metric([transport], by_transport[transport])
        yield GaugeMetricFamily("conference_rooms", "Rooms with somebody in them.", value=len(rooms))
        yield participants
        talking = sum(one.talking for one in everybody)
        yield GaugeMetricFamily("conference_talking", "Participants who are talking.", value=talking)
        encoders = sum(room.encoders.encoders for room in rooms)
        yield GaugeMetricFamily("conference_encoders", "Encoders running: one per distinct mix.", value=encoders)
        forwarded = sum(len(room.forwarded) for room in rooms)
        yield GaugeMetricFamily(
            "conference_forwarded_listeners", "Listeners who get one talker's own packets.", value=forwarded
        )
        yield GaugeMetricFamily(
            "conference_draining", "1 if the server takes nobody new, and ends when the last has left.",
            value=server.drain.begun,
        )  # fmt: skip
        streams = len(server.feeds)
        yield GaugeMetricFamily("conference_event_streams", "Event streams open.", value=streams)
        yield CounterMetricFamily(
            "conference_event_streams_cut_off", "Event streams that were ended since nobody read them.",
            value=server.feeds.cut_off,
        )  # fmt: skip

    def _connections(self) -> Iterator[Metric]:
        connections = self._server.connections
        stays, waits = connections.staying, connections.waiting
        family = GaugeMetricFamily(
            "conference_tcp_connections",
            "Open TCP connections: of readers and callers who stay; of clients that have something to send; of others.",
            labels=["state"],
        )
        for state, value in (("stays", stays), ("waits", waits), ("works", len(connections) - stays - waits)):
            family.add_metric([state], value)
        yield family
        yield CounterMetricFamily(
            "conference_tcp_connections_refused", "TCP connections that found no place.", value=connections.refused
        )
        yield CounterMetricFamily(
            "conference_tcp_connections_dropped", "Those that made place for newcomers.", value=connections.dropped
        )

    def _clock(self) -> Iterator[Metric]:
        stats, lateness = self._server.engine.stats, self._server.engine.stats.lateness
        yield HistogramMetricFamily(
            "conference_tick_lateness_seconds",
            "How long after its deadline each tick of 20 ms began.",
            buckets=lateness.buckets(),
            sum_value=lateness.total_ns / 1e9,
        )
        yield CounterMetricFamily("conference_ticks", "Ticks of 20 ms.", value=stats.ticks)
        yield CounterMetricFamily("conference_ticks_late", "Ticks that began 5 ms late or more.", value=lateness.late)
        yield CounterMetricFamily("conference_ticks_skipped", "Ticks that were left out.", value=stats.skipped)
        yield CounterMetricFamily(
            "conference_tick_busy_seconds", "Time spent mixing, encoding and sending.", value=stats.busy_ns / 1e9
        )

    def _complexity(self) -> Iterator[Metric]:
        control = self._server.engine.complexity
        yield GaugeMetricFamily(
            "conference_opus_complexity",
            "How much work a packet of a mix may take now, 0 to 10.",
            value=control.complexity,
        )
        changes = CounterMetricFamily(
            "conference_opus_complexity_changes",
            "How often that was changed, for want of time (down) or since there was some (up).",
            labels=["direction"],
        )
        changes.add_metric(["down"], control.lowered)
        changes.add_metric(["up"], control.raised)
        yield changes
        yield GaugeMetricFamily(
            "conference_load_ratio",
            "How much of a processor the server took in the last second or so, 0 to 1.",
            value=control.load,
        )

    def _traffic(self) -> Iterator[Metric]:
        totals = self._totals
        for field, (name, text) in _TRAFFIC.items():
            family = CounterMetricFamily(name, text, labels=["transport"])
            for transport in CONNECTED:
                family.add_metric([transport], totals[transport, field])
            yield family

    def _datagrams(self) -> Iterator[Metric]:
        webrtc = self._server.webrtc
        if not isinstance(webrtc, WebRtc):
            return
        stats = webrtc.mux_stats
        yield CounterMetricFamily("conference_udp_datagrams", "Datagrams that came in.", value=stats.received)
        dropped = CounterMetricFamily(
            "conference_udp_datagrams_dropped", "Datagrams that were of no use, by why.", labels=["reason"]
        )
        for reason in ("empty", "garbage", "stray", "unauthentic", "excess"):
            dropped.add_metric([reason], getattr(stats, reason))
        yield dropped

    def _phones(self) -> Iterator[Metric]:
        buffered = [call.stats().buffered_ms for call in self._server.calls]
        known = [one / 1000 for one in buffered if one is not None]
        yield GaugeMetricFamily("conference_call_streams", "Open media streams of callers.", value=len(buffered))
        yield GaugeMetricFamily(
            "conference_call_buffered_seconds",
            "Sound that callers have yet to hear, as their marks tell: the sum of all.",
            value=sum(known),
        )
        yield GaugeMetricFamily(
            "conference_call_buffered_seconds_max",
            "Sound that the caller who is furthest behind has yet to hear.",
            value=max(known, default=0.0),
        )

    def _webhooks(self) -> Iterator[Metric]:
        receivers = self._server.webhooks.receivers
        counts = {
            "delivered": ("conference_webhooks_delivered", "Events that a receiver of webhooks has taken."),
            "failed": ("conference_webhooks_failed", "Attempts to deliver one that failed."),
            "dropped": ("conference_webhooks_dropped", "Events that never arrived: too old, too many, or not wanted."),
        }
        for field, (name, text) in counts.items():
            yield CounterMetricFamily(name, text, value=sum(getattr(one.queue.stats, field) for one in receivers))
        waiting = sum(len(one.queue) for one in receivers)
        yield GaugeMetricFamily("conference_webhooks_waiting", "Events yet to be delivered.", value=waiting)

    def _recordings(self) -> Iterator[Metric]:
        recordings = self._server.recordings
        if recordings is None:
            return
        figures = recordings.figures()
        family = GaugeMetricFamily("conference_recordings", "Recordings, by their state.", labels=["state"])
        for state in get_args(RecordingStatus):
            family.add_metric([state], figures.by_state.get(state, 0))
        yield family
        yield GaugeMetricFamily(
            "conference_recordings_bytes", "What all recordings in the folder take up.", value=figures.bytes
        )
        yield GaugeMetricFamily(
            "conference_recordings_waiting_bytes",
            "What has been said and waits for the disk.",
            value=figures.waiting_bytes,
        )
        yield GaugeMetricFamily(
            "conference_recordings_to_upload",
            "Recordings that are yet to be put into the object storage.",
            value=figures.to_upload,
        )
        yield CounterMetricFamily(
            "conference_recordings_broken_off",
            "Recordings that ended since they could not go on: the disk was slow, or took no more.",
            value=figures.broken_off,
        )
        yield CounterMetricFamily(
            "conference_recordings_failed", "How often the files of one could not be made.", value=figures.failed
        )

    def _captions(self) -> Iterator[Metric]:
        captions = self._server.captions
        if captions is None:
            return
        pool = captions.pool
        yield CounterMetricFamily("conference_captions", "Captions that were told for good.", value=captions.told)
        yield CounterMetricFamily(
            "conference_captions_unheard",
            "Times that what somebody said was not recognised, or not all of it, for want of a process that keeps up.",
            value=pool.unheard,
        )
        yield CounterMetricFamily(
            "conference_captions_restarts", "Processes that had to be started anew.", value=pool.restarts
        )
        yield GaugeMetricFamily(
            "conference_captions_waiting_bytes", "Sound that waits to be recognised.", value=pool.waiting
        )
