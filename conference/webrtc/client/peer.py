"""A headless peer: joins a room as a browser does, without one. For `conference join`, tests and benchmarks.

Stock aiortc makes the connection, with sockets of its own. Media goes the way it goes in the server: packets into a
`PacketSource` that is pulled every 20 ms, and encoded packets out without a task. So a headless peer hears as well as
our server does, and costs as little.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCRtpTransceiver, RTCSessionDescription
from aiortc.rtcrtpsender import RTCRtpSender

from conference.codecs.base import Codec
from conference.loopback import is_loopback
from conference.playout.source import PacketSource
from conference.webrtc.client.aiortc_internals import (
    SrtpChannel,
    check,
    gather_only,
    ice_connection,
    run_no_media,
    tap_media,
)
from conference.webrtc.client.whip import Farewell, JoinError, Seat, WhipClient
from conference.webrtc.compatibility import IncompatibleLibraryError
from conference.webrtc.receive.ingress import Ingress
from conference.webrtc.rtp.red import offer_red
from conference.webrtc.rtp.rtcp import NtpClock
from conference.webrtc.rtp_session import RtpSession, SessionStats
from conference.webrtc.sdp.audio import AudioSection
from conference.webrtc.sdp.codecs import make_codec, may_repeat
from conference.webrtc.sdp.grammar import OfferError
from conference.webrtc.sdp.offer import parse_offer
from conference.webrtc.send.egress import EgressSink
from conference.webrtc.send.stream import SingleStream

__all__ = ["HeadlessPeer", "JoinError"]

CONNECT_TIMEOUT = 15.0
CLOSE_TIMEOUT = 2.0
HOUSEKEEPING_SECONDS = 0.25


class HeadlessPeer:
    """One participant without a browser.

    Args:
        url: of the server, e.g. ``http://127.0.0.1:8080``.
        room: to join.
        name: that the others see.
        speaks: whether to send.
        hears: whether to receive.
        codec: the one to offer: ``opus``, ``PCMU`` or ``PCMA``.
        bitrate: of Opus, for :attr:`codec`.
        track: sends this, aiortc's way, instead of what is given to :meth:`send`.
        verify: whether an HTTPS server must have a certificate that this machine trusts.
        access_token: what lets us in, where the server asks for it.
        silence_timeout: a connection that is quiet for so many seconds has ended.
        proof: of a seat to come back to (see :attr:`proof`).
        watches: whether to follow why the server takes this peer out of the room, for :meth:`farewell`.
        on_event: while it does, is given the name and the data (JSON) of each event of the room.

    Attributes:
        source: what is heard: ``source.pull(time.monotonic_ns())`` every 20 ms; ``None`` before :meth:`connect`, and
            for one that does not hear.
        codec: makes the encoder whose packets :meth:`send` takes; ``None`` before :meth:`connect`.
        on_end: called once, with a reason for people, if the connection ends other than by :meth:`close`.
    """

    def __init__(
        self,
        url: str,
        room: str,
        name: str = "Guest",
        *,
        speaks: bool = True,
        hears: bool = True,
        codec: str = "opus",
        bitrate: int = 48_000,
        track: MediaStreamTrack | None = None,
        verify: bool = True,
        access_token: str | None = None,
        silence_timeout: float = 10.0,
        proof: str | None = None,
        watches: bool = False,
        on_event: Callable[[str, str], None] = lambda *_: None,
    ) -> None:
        if not speaks and not hears:
            raise ValueError("a peer must speak or hear")
        self.source: PacketSource | None = None
        self.codec: Codec | None = None
        self.on_end: Callable[[str], None] | None = None
        self.answer_ms = 0.0
        """Time from posting the offer to the answer."""

        self._url, self._room, self._name = url, room, name
        self._speaks, self._hears = speaks, hears
        self._wanted, self._bitrate = codec, bitrate
        self._track = track
        self._silence_timeout = silence_timeout
        self._whip = WhipClient(url, verify=verify, access_token=access_token)
        self._proof = proof
        self._watches = watches
        self._on_event = on_event
        self._watch: asyncio.Task[Farewell | None] | None = None
        self._pc: RTCPeerConnection | None = None
        self._seat: Seat | None = None
        self._sink: EgressSink | None = None
        self._session: RtpSession | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._since_ns = 0
        self._tick = -1
        self._ended = False
        self._closed = False

    @property
    def location(self) -> str | None:
        """URL of this participant, once it has joined."""
        return self._seat.location if self._seat is not None else None

    @property
    def proof(self) -> str | None:
        """Takes the same seat again after this connection is lost; ``None`` if the server gives none."""
        return None if self._seat is None else self._seat.token

    @property
    def ended(self) -> bool:
        """Whether the connection has ended."""
        return self._ended

    @property
    def expected_loss(self) -> float:
        """Percent of packets that whoever encodes for `send` should count as lost, by the receiver's reports."""
        return 0.0 if self._sink is None else self._sink.expected_loss

    async def connect(self) -> None:
        """Join the room, and wait until media can flow.

        Raises:
            JoinError: it can't be joined; the text is a sentence for people.
        """
        if self._pc is not None or self._closed:
            raise JoinError("This peer has been in a call already.")
        self._pc = pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self._connect(pc)
        except TimeoutError:
            await self.close()
            raise JoinError(f"The connection did not come up within {CONNECT_TIMEOUT:g} seconds.") from None
        except IncompatibleLibraryError as error:
            await self.close()
            raise JoinError(str(error)) from error
        except OfferError as error:
            await self.close()
            raise JoinError(f"The server's answer can't be used: {error}") from error
        except BaseException:
            await self.close()
            raise

    async def _connect(self, pc: RTCPeerConnection) -> None:
        transceiver = self._add_transceiver(pc)
        if is_loopback(urlsplit(self._url).hostname or ""):
            gather_only(ice_connection(transceiver), ["127.0.0.1"])
        await pc.setLocalDescription(await pc.createOffer())
        offer = offer_red(pc.localDescription.sdp)
        local = parse_offer(offer).first
        asked = time.perf_counter()
        self._seat = await self._whip.join(self._room, self._name, offer, self._proof)
        self.answer_ms = (time.perf_counter() - asked) * 1000
        remote = parse_offer(self._seat.answer).first
        channel = SrtpChannel(transceiver)
        self._start_session(transceiver, local, remote, channel)
        connected = asyncio.Event()
        pc.on("connectionstatechange", lambda: self._follow(pc, connected))
        await pc.setRemoteDescription(RTCSessionDescription(self._seat.answer, "answer"))
        await connected.wait()
        if pc.connectionState != "connected":
            raise JoinError("The connection failed.")
        channel.open()
        self._since_ns = time.monotonic_ns()
        if self._watches:
            watching = self._whip.farewell(self._room, self._seat, self._on_event)
            self._watch = asyncio.create_task(watching, name="farewell")
        if self._sink is not None:
            self._sink.open()
        self._housekeep()

    def _add_transceiver(self, pc: RTCPeerConnection) -> RTCRtpTransceiver:
        direction = "sendrecv" if self._speaks and self._hears else "sendonly" if self._speaks else "recvonly"
        transceiver = pc.addTransceiver(self._track or "audio", direction)
        check(transceiver)
        mime_type = f"audio/{self._wanted}".lower()
        known = RTCRtpSender.getCapabilities("audio").codecs
        transceiver.setCodecPreferences([one for one in known if one.mimeType.lower() == mime_type])
        run_no_media(transceiver, sender=self._track is None)
        return transceiver

    def _start_session(
        self, transceiver: RTCRtpTransceiver, local: AudioSection, remote: AudioSection, channel: SrtpChannel
    ) -> None:
        best = remote.formats[0]
        self.codec = make_codec(best, self._bitrate)
        ssrc = local.ssrc or 1
        ingress = None
        if self._hears:
            self.source = PacketSource(self.codec.make_decoder())
            # The packets come out of aiortc's DTLS transport, which has taken off the SRTP.
            ingress = Ingress(
                self.source,
                {one.payload_type: make_codec(one, self._bitrate) for one in remote.formats},
                lambda packet: packet,
                level_id=remote.level_id,
                announced=remote.ssrc,
                red=remote.red,
            )
        if self._speaks and self._track is None:
            red = remote.red if may_repeat(best, self._bitrate) else None
            self._sink = EgressSink(
                self.codec, best, SingleStream(best, ssrc, channel.send_rtp, time.monotonic_ns), red=red
            )
        cname = local.attribute_of_ssrc("cname") or "headless"
        ntp = NtpClock(time.time_ns(), time.monotonic_ns())
        self._session = session = RtpSession(ingress, self._sink, channel, ssrc=ssrc, cname=cname, ntp=ntp)
        tap_media(
            transceiver,
            lambda packet: session.receive_rtp(packet, time.monotonic_ns()),
            lambda packet: session.receive_rtcp(packet, time.monotonic_ns()),
        )

    def send(self, payload: bytes | None, tick: int | None = None) -> None:
        """Send the packet of a tick; call it every 20 ms. Does nothing while there is no connection.

        Args:
            payload: one frame, encoded; ``None`` if there is nothing to be heard.
            tick: number of the tick; ``None`` for the next one.
        """
        self._tick = self._tick + 1 if tick is None else tick
        if self._sink is not None:
            self._sink.send(self._tick, payload)

    def stats(self) -> SessionStats:
        """What has been sent and received."""
        return self._session.stats() if self._session is not None else SessionStats()

    async def farewell(self, within: float) -> Farewell | None:
        """Why the server took this peer out of the room, once it has ended; ``None`` if it did not say.

        Args:
            within: seconds that the news may still take.
        """
        if self._watch is None:
            return None
        await asyncio.wait({self._watch}, timeout=within)
        return self._watch.result() if self._watch.done() and not self._watch.cancelled() else None

    async def close(self, *, leave: bool = True) -> None:
        """Leave the room and release everything. Never raises, takes a few seconds at most, and can be repeated.

        Args:
            leave: whether to give the seat up; not if another peer has taken it already.
        """
        if self._closed:
            return
        self._closed = True
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        if self._session is not None and leave:
            self._session.goodbye(time.monotonic_ns())
        if self._pc is not None:
            task = asyncio.ensure_future(self._pc.close())
            if task not in (await asyncio.wait({task}, timeout=CLOSE_TIMEOUT))[0]:
                task.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                if self._seat is not None and leave:
                    await self._whip.leave(self._seat)
        await self._whip.close()

    def _follow(self, pc: RTCPeerConnection, connected: asyncio.Event) -> None:
        if pc.connectionState == "connected":
            connected.set()
        elif pc.connectionState in ("failed", "closed"):
            connected.set()
            self._end("The connection was closed by the server.")

    def _end(self, reason: str) -> None:
        if not self._ended:
            self._ended = True
            if self.on_end is not None:
                self.on_end(reason)

    def _housekeep(self) -> None:
        session = self._session
        if session is None or self._ended:
            return
        now_ns = time.monotonic_ns()
        session.report_if_due(now_ns)
        if now_ns - max(session.heard_ns, self._since_ns) > self._silence_timeout * 1e9:
            self._end("The server has fallen silent.")
            return
        self._timer = asyncio.get_running_loop().call_later(HOUSEKEEPING_SECONDS, self._housekeep)
