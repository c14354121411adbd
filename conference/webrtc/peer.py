"""One participant's WebRTC connection: offer in, answer out, media from then on, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.rtcicetransport import RTCIceCandidate

from conference.room.stream import PacketSource
from conference.webrtc.aiortc_internals import (
    MuxedIce,
    SrtpChannel,
    cancel_own_close,
    ice_connection,
    run_no_media,
)
from conference.webrtc.answer import build_answer
from conference.webrtc.candidate import Candidate
from conference.webrtc.egress import EgressSink
from conference.webrtc.ingress import Ingress
from conference.webrtc.mux import UdpMux
from conference.webrtc.offer import REVERSED, AudioOffer, parse_offer
from conference.webrtc.payloads import make_codec, may_repeat
from conference.webrtc.rtcp import NtpClock
from conference.webrtc.sdp import OfferError
from conference.webrtc.session import RtpSession, SessionStats
from conference.webrtc.settings import WebRtcSettings
from conference.webrtc.trickle import parse_trickle_fragment

logger = logging.getLogger(__name__)

State: TypeAlias = Literal["new", "connecting", "connected", "closed"]

ACCEPT_TIMEOUT = 5.0
"""Answering waits for nothing, so it takes milliseconds; this is for what cannot happen."""


@dataclass(frozen=True, slots=True)
class PeerStats(SessionStats):
    """A peer at one moment."""

    state: State = "new"
    buffered_ms: float = 0.0
    """Sound of theirs that waits for its turn."""


class Peer:
    """One connection. Made by `server.WebRtc.new_peer`.

    Attributes:
        source: their voice, once :meth:`accept` has returned; ``None`` if they only listen.
        sink: their ear; ``None`` if they only speak.
        state: ``connected`` means that media can flow.
        on_end: called once, with a reason for people, if the connection ends other than by :meth:`close`.
    """

    def __init__(
        self,
        mux: UdpMux,
        settings: WebRtcSettings,
        ntp: NtpClock,
        *,
        closed: Callable[[Peer], None],
        now: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.source: PacketSource | None = None
        self.sink: EgressSink | None = None
        self.state: State = "new"
        self.on_end: Callable[[str], None] | None = None
        self._mux = mux
        self._settings = settings
        self._ntp = ntp
        self._closed = closed
        self._now = now
        self._pc: RTCPeerConnection | None = None
        self._ice: MuxedIce | None = None
        self._channel: SrtpChannel | None = None
        self._session: RtpSession | None = None
        self._offer: AudioOffer | None = None
        self._candidates = 0
        self._since_ns = now()
        self._probed_ns = 0
        self._ended = False
        self._closing: asyncio.Task[None] | None = None

    async def accept(self, offer: str) -> str:
        """Answer an offer. From then on the connection comes up by itself, or ends.

        Args:
            offer: SDP.

        Returns:
            The answer, with all our candidates in it.

        Raises:
            OfferError: it cannot be accepted; the text is a sentence for people.
            TimeoutError: the server is too busy to answer.
        """
        if self._pc is not None or self.state == "closed":
            raise OfferError("This connection has had its offer already.")
        parsed = parse_offer(
            offer, max_bytes=self._settings.max_sdp_bytes, max_candidates=self._settings.max_candidates
        )
        self._offer = parsed
        self._candidates = len(parsed.candidates)
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        try:
            async with asyncio.timeout(ACCEPT_TIMEOUT):
                answer = await self._negotiate(self._pc, parsed)
        except TimeoutError:
            await self._give_up()
            raise  # the server's doing, not the offer's
        except Exception as error:
            await self._give_up()
            if isinstance(error, OfferError):
                raise
            logger.warning("an offer could not be answered", exc_info=True)
            raise OfferError("The offer could not be answered: something in it is not supported.") from error
        except BaseException:
            await self._give_up()
            raise
        if self._ended:  # closed while it was being answered
            self._release()
            raise OfferError("The connection was closed before its offer was answered.")
        self.state = "connecting"
        self._since_ns = self._now()
        self._follow()
        return answer

    async def _negotiate(self, pc: RTCPeerConnection, offer: AudioOffer) -> str:
        await pc.setRemoteDescription(RTCSessionDescription(offer.to_sdp(), "offer"))
        transceiver = pc.getTransceivers()[0]
        transceiver.direction = REVERSED[offer.direction]
        run_no_media(transceiver)
        self._channel = SrtpChannel(transceiver)
        self._ice = MuxedIce(ice_connection(transceiver), self._mux, self._media)
        await pc.setLocalDescription(await pc.createAnswer())
        if not self._ice.candidates:
            raise OfferError("This server has no network address at the moment.")
        local = parse_offer(pc.localDescription.sdp)
        self._start_session(offer, local, self._channel)
        pc.on("connectionstatechange", self._follow)
        return build_answer(
            offer,
            local,
            self._ice.candidates,
            session_id=random.getrandbits(62),
            bitrate=self._settings.bitrate,
            ask_for_red=self._settings.ask_for_red,
        )

    def _start_session(self, offer: AudioOffer, local: AudioOffer, channel: SrtpChannel) -> None:
        ssrc = local.ssrc if local.ssrc is not None else random.getrandbits(32)
        ingress = None
        if offer.direction != "recvonly":
            codecs = {one.payload_type: make_codec(one, self._settings.bitrate) for one in offer.formats}
            self.source = PacketSource(next(iter(codecs.values())).make_decoder())
            ingress = Ingress(
                self.source,
                codecs,
                channel.unprotect,
                level_id=offer.level_id,
                announced=offer.ssrc,
                red=offer.red,
            )
        if offer.direction != "sendonly":
            best = offer.formats[0]
            codec = make_codec(best, self._settings.bitrate)
            red = offer.red if may_repeat(best, self._settings.bitrate) else None
            self.sink = EgressSink(codec, best, ssrc, channel.send_rtp, self._now, red=red)
        cname = local.attribute_of_ssrc("cname") or "conference"
        self._session = RtpSession(ingress, self.sink, channel, ssrc=ssrc, cname=cname, ntp=self._ntp)

    async def add_candidates(self, fragment: str) -> None:
        """Take trickled candidates (``application/trickle-ice-sdpfrag``).

        Raises:
            ValueError: the fragment is malformed, or asks for an ICE restart; the text is a sentence for people.
        """
        parsed = parse_trickle_fragment(fragment, self._settings.max_sdp_bytes)
        if self._offer is None or self._pc is None or self.state == "closed":
            raise ValueError("There is no connection to add candidates to.")
        if parsed.ufrag not in (None, self._offer.ufrag) or parsed.password not in (None, self._offer.password):
            raise ValueError("An ICE restart is not supported here: join again with a new offer.")
        mids = {None, self._offer.mid, *self._offer.bundle[:1]}
        for mid, candidate in parsed.candidates:
            if mid in mids and self._candidates < self._settings.max_candidates:
                self._candidates += 1
                await self._pc.addIceCandidate(_to_aiortc(candidate, self._offer.mid or "0"))

    def stats(self) -> PeerStats:
        """A snapshot."""
        media = self._session.stats() if self._session is not None else SessionStats()
        return PeerStats(
            **dataclasses.asdict(media),
            state=self.state,
            buffered_ms=round(self.source.buffered_ms, 1) if self.source is not None else 0.0,
        )

    def housekeep(self, now_ns: int) -> None:
        """Do what is due: reports, a sign of life, the end. Called several times a second."""
        if self.state in ("new", "connecting"):
            if now_ns - self._since_ns > self._settings.connect_timeout * 1e9:
                self._end(f"The connection did not come up within {self._settings.connect_timeout:g} seconds.")
        elif self.state == "connected" and self._session is not None and self._ice is not None:
            self._session.report_if_due(now_ns)
            heard_ns = max(self._since_ns, self._session.heard_ns, self._ice.heard_ns)
            self._watch(now_ns - heard_ns, now_ns, self._session, self._ice)

    def _watch(self, quiet_ns: int, now_ns: int, session: RtpSession, ice: MuxedIce) -> None:
        limit_ns = self._settings.silence_timeout * 1e9
        if quiet_ns > limit_ns:
            self._end(f"Nothing was heard from the connection for {self._settings.silence_timeout:g} seconds.")
        elif session.leaving and quiet_ns > limit_ns / 2:
            self._end("The participant left.")
        elif quiet_ns > limit_ns / 4 and now_ns - self._probed_ns > limit_ns / 8:
            self._probed_ns = now_ns
            ice.probe()

    async def close(self) -> None:
        """End the connection: the peer is told, and everything is released, within a bounded time."""
        self._ended = True
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    def _media(self, datagram: bytes, now_ns: int) -> None:
        if self._session is not None:
            self._session.receive(datagram, now_ns)

    def _follow(self) -> None:
        """Go along with aiortc's connection state."""
        state = self._pc.connectionState if self._pc is not None else "new"
        if self.state == "connecting" and state == "connected" and self._channel is not None:
            self.state = "connected"
            self._since_ns = self._now()
            self._channel.open()
            if self.sink is not None:
                self.sink.open()
        elif self.state in ("connecting", "connected") and state == "failed":
            self._end("The connection failed.")
        elif self.state in ("connecting", "connected") and state == "closed":
            self._end("The participant left.")

    def _end(self, reason: str) -> None:
        if self._ended:
            return
        self._ended = True
        self._closing = asyncio.create_task(self._close())
        if self.on_end is not None:
            try:
                self.on_end(reason)
            except Exception:
                logger.exception("on_end raised")

    async def _close(self) -> None:
        self.state = "closed"
        try:
            if self._session is not None:
                self._session.goodbye(self._now())
            if self._ice is not None:
                self._mux.remove(self._ice)  # nothing comes in from now on; goodbyes still go out
            if self._pc is not None and not await _within(self._pc.close(), self._settings.close_timeout):
                logger.warning("a connection did not close in time; it is abandoned")
                if self._ice is not None:
                    await _within(self._ice.close(), self._settings.close_timeout)
                cancel_own_close(self._pc)
        finally:
            self._release()
            self._closed(self)

    async def _give_up(self) -> None:
        await self.close()
        self._release()  # what was made after the close, if that came in between

    def _release(self) -> None:
        if self._channel is not None:
            self._channel.close()
        if self._ice is not None:
            self._ice.detach()


async def _within(work: Awaitable[None], seconds: float) -> bool:
    """Wait for something, but not longer; whether it was done. What hangs is cancelled, and left to itself."""
    task = asyncio.ensure_future(work)
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if not done:
        task.cancel()
        await asyncio.wait({task}, timeout=0.1)
        return False
    with contextlib.suppress(asyncio.CancelledError):
        if (error := task.exception()) is not None:
            logger.warning("a connection did not close cleanly", exc_info=error)
    return True


def _to_aiortc(candidate: Candidate, mid: str) -> RTCIceCandidate:
    return RTCIceCandidate(
        component=1,
        foundation=candidate.foundation,
        ip=candidate.address,
        port=candidate.port,
        priority=candidate.priority,
        protocol="udp",
        type=candidate.type,
        sdpMid=mid,
    )
