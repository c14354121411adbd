"""One participant's WebRTC connection: offer in, answer out, media from then on, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import random
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from conference.playout.source import PacketSource
from conference.webrtc.dtls.certificate import Certificate
from conference.webrtc.liveness import Liveness, LivenessAction
from conference.webrtc.mux import UdpMux
from conference.webrtc.receive.ingress import Ingress
from conference.webrtc.rtp.rtcp import NtpClock
from conference.webrtc.rtp_session import RtpSession, SessionStats
from conference.webrtc.sdp.answer import LocalDescription, build_answer
from conference.webrtc.sdp.codecs import make_codec, may_repeat
from conference.webrtc.sdp.grammar import OfferError
from conference.webrtc.sdp.offer import AudioOffer, parse_offer
from conference.webrtc.sdp.trickle import IceRestartError, parse_trickle_fragment
from conference.webrtc.send.egress import EgressSink
from conference.webrtc.settings import WebRtcSettings
from conference.webrtc.transport import MediaTransport

logger = logging.getLogger(__name__)

GOODBYE = "The participant left."
"""Why a connection ended that the other side closed by itself."""

PeerState: TypeAlias = Literal["new", "connecting", "connected", "closed"]

CNAME = secrets.token_hex(8)
"""Names the source of all our streams (RFC 3550 section 6.5.1); random, so that it tells nothing (RFC 7022)."""


@dataclass(frozen=True, slots=True)
class PeerStats(SessionStats):
    """A peer at one moment."""

    state: PeerState = "new"
    buffered_ms: float = 0.0
    """Sound of theirs that waits for its turn."""


@dataclass(frozen=True, slots=True)
class _Offered:
    """What of an offer is still needed when it is answered: whose candidates can be trickled."""

    ufrag: str
    password: str
    mids: frozenset[str | None]


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
        certificate: Certificate,
        *,
        closed: Callable[[Peer], None],
        hasten: Callable[[Peer], None] = lambda _: None,
        now: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.source: PacketSource | None = None
        self.sink: EgressSink | None = None
        self.state: PeerState = "new"
        self.on_end: Callable[[str], None] | None = None
        self._mux = mux
        self._settings = settings
        self._ntp = ntp
        self._certificate = certificate
        self._closed = closed
        self._hasten = hasten
        self._now = now
        self._transport: MediaTransport | None = None
        self._session: RtpSession | None = None
        self._ingress: Ingress | None = None
        self._offered: _Offered | None = None
        self._candidates = 0
        self._liveness = Liveness(settings.connect_timeout, settings.silence_timeout, now())
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
        """
        if self._offered is not None or self.state == "closed":
            raise OfferError("This connection has had its offer already.")
        parsed = parse_offer(
            offer, max_bytes=self._settings.max_sdp_bytes, max_candidates=self._settings.max_candidates
        )
        mids = frozenset({None, parsed.sections[parsed.carrier].mid, *(one.section.mid for one in parsed.audio)})
        self._offered = _Offered(parsed.transport.ufrag, parsed.transport.password, mids)
        self._candidates = len(parsed.transport.candidates)
        try:
            answer = await self._negotiate(parsed)
        except OfferError:
            await self.close()
            raise
        except Exception as error:
            await self.close()
            logger.warning("an offer could not be answered", exc_info=True)
            raise OfferError("The offer could not be answered: something in it is not supported.") from error
        except BaseException:
            await self.close()
            raise
        return answer

    async def _negotiate(self, offer: AudioOffer) -> str:
        ours = random.getrandbits(32)
        self._transport = transport = MediaTransport(self._mux, self._certificate, offer.transport, self._follow)
        self._start_session(offer, transport, ours)
        self.state = "connecting"
        self._liveness.begin(self._now())
        candidates = await transport.start()
        if self._ended:
            raise OfferError("The connection was closed before its offer was answered.")
        if not candidates:
            raise OfferError("This server has no network address at the moment.")
        return build_answer(
            offer,
            LocalDescription(
                ufrag=transport.ice.ufrag,
                password=transport.ice.password,
                fingerprint=self._certificate.fingerprint,
                setup=transport.setup,
                ssrc=ours,
                cname=CNAME,
                stream=f"{CNAME} {secrets.token_hex(8)}",
            ),
            candidates,
            session_id=random.getrandbits(62),
            bitrate=self._settings.bitrate,
            ask_for_red=self._settings.ask_for_red,
        )

    def _start_session(self, offer: AudioOffer, transport: MediaTransport, ssrc: int) -> None:
        ingress: Ingress | None = None
        sending, receiving = offer.sending, offer.receiving
        if sending is not None:
            codecs = {one.payload_type: make_codec(one, self._settings.bitrate) for one in sending.formats}
            self.source = PacketSource(next(iter(codecs.values())).make_decoder())
            ingress = Ingress(
                self.source,
                codecs,
                transport.unprotect,
                level_id=sending.level_id,
                announced=sending.ssrc,
                red=sending.red,
                max_streams=self._settings.max_streams,
            )
            transport.receive_by(ingress.stream)
        if receiving is not None:
            best = receiving.formats[0]
            codec = make_codec(best, self._settings.bitrate)
            red = receiving.red if may_repeat(best, self._settings.bitrate) else None
            level_id = receiving.wanted_level_id if receiving.wanted_level_id < 15 else 0
            stream = transport.make_send_stream(best, ssrc, self._now, level_id=level_id)
            self.sink = EgressSink(codec, best, stream, red=red)
        self._ingress = ingress
        self._session = RtpSession(ingress, self.sink, transport, ssrc=ssrc, cname=CNAME, ntp=self._ntp)
        transport.ice.media = self._session.receive

    async def add_candidates(self, fragment: str) -> None:
        """Take trickled candidates (``application/trickle-ice-sdpfrag``).

        Raises:
            ValueError: the fragment is malformed; the text is a sentence for people.
            IceRestartError: it asks for an ICE restart.
        """
        parsed = parse_trickle_fragment(fragment, self._settings.max_sdp_bytes)
        offered = self._offered
        if offered is None or self._transport is None or self.state == "closed":
            raise ValueError("There is no connection to add candidates to.")
        if parsed.ufrag not in (None, offered.ufrag) or parsed.password not in (
            None,
            offered.password,
        ):
            raise IceRestartError("An ICE restart is not supported here: join again with a new offer.")
        for mid, candidate in parsed.candidates:
            if mid in offered.mids and self._candidates < self._settings.max_candidates:
                self._candidates += 1
                await self._transport.ice.add_candidate(candidate)

    def tally(self) -> dict[str, int]:
        """What was counted so far, by name: of all that is cheap to tell, for who asks for everybody at once."""
        tally = self._session.tally() if self._session is not None else {}
        if self.source is not None:
            tally |= self.source.troubles
        return tally

    def stats(self) -> PeerStats:
        """A snapshot."""
        media = self._session.stats() if self._session is not None else SessionStats()
        return PeerStats(
            **dataclasses.asdict(media),
            state=self.state,
            buffered_ms=round(self.source.buffered_ms, 1) if self.source is not None else 0.0,
        )

    def housekeep(self, now_ns: int, patience: float = 1.0) -> int:
        """Do what is due: reports, a sign of life, the end.

        Args:
            now_ns: the time.
            patience: by how much longer than usual a silence may last.

        Returns:
            When there may be something to do again; ``now_ns``: soon, ask several times a second.
        """
        session, transport = self._session, self._transport
        if self.state == "closed":
            return now_ns
        if self.state != "connected" or session is None or transport is None:
            self._act(self._liveness.look(now_ns, patience=patience))
            return now_ns
        ice = transport.ice
        consents, heard_ns = ice.consents(now_ns), max(session.heard_ns, ice.heard_ns)
        actions = self._liveness.look(
            now_ns, heard_ns=heard_ns, consents=consents, leaving=session.leaving, patience=patience
        )
        if "refuse" not in actions:
            session.report_if_due(now_ns)
        self._act(actions)
        return max(now_ns, min(self._liveness.due_ns(now_ns, heard_ns), ice.ask_ns, session.report_ns))

    def _act(self, actions: list[LivenessAction]) -> None:
        """Do what is due about the peer being there or not."""
        for action in actions:
            if action == "ask" and self._transport is not None:
                self._transport.ice.probe()
            elif action == "calm" and self._transport is not None:
                self._transport.calm()
            elif action == "part":
                self._end(GOODBYE)
            elif action == "lose":
                self._end(f"Nothing was heard from the connection for {self._settings.silence_timeout:g} seconds.")
            elif action == "refuse":
                self._end("The connection failed: the other side no longer agrees to it.")
            elif action == "time out":
                limit = f"{self._settings.connect_timeout:g} seconds"
                self._end(f"The connection did not come up within {limit}: {self._trouble()}.")

    async def close(self) -> None:
        """End the connection: the peer is told, and everything is released, within a bounded time."""
        self._ended = True
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    def _follow(self) -> None:
        """Go along with the state of what lies below."""
        state = self._transport.state if self._transport is not None else "connecting"
        if self.state == "connecting" and state == "connected" and self._transport is not None:
            self.state = "connected"
            if self._ingress is not None:
                self._ingress.unprotect = self._transport.unprotect
            self._liveness.connected(self._now())
            if self.sink is not None:
                self.sink.open()
        elif self.state in ("connecting", "connected") and state == "failed":
            self._end(f"The connection failed: {self._trouble()}.")
        elif self.state in ("connecting", "connected") and state == "closed":
            self._end(GOODBYE)
        elif self.state == "connected" and self._transport is not None and self._transport.alerted:
            self._hear_alert()

    def _trouble(self) -> str:
        return "no offer has come" if self._transport is None else self._transport.trouble

    def _hear_alert(self) -> None:
        """Something has come that may be their goodbye."""
        if self._session is not None and self._session.leaving:
            self._end(GOODBYE)  # they have said goodbye to their stream as well, and that was authentic
        else:
            self._liveness.alert(self._now())
            self._hasten(self)

    def _end(self, reason: str) -> None:
        if self._ended:
            return
        self._ended = True
        if reason != GOODBYE:
            logger.info("a WebRTC connection has ended: %s", reason)
        self._closing = asyncio.create_task(self._close())
        if self.on_end is not None:
            try:
                self.on_end(reason)
            except Exception:
                logger.exception("on_end raised")

    async def _close(self) -> None:
        self.state = "closed"
        transport = self._transport
        try:
            if self._session is not None:
                self._session.goodbye(self._now())
            if transport is not None and not await _within(transport.close(), self._settings.close_timeout):
                logger.warning("a connection did not close in time; it is abandoned")
        finally:
            if transport is not None:
                transport.release()
            if self._ingress is not None:
                self._ingress.unprotect = _nothing
            if self.source is not None:
                self.source.wake = None
            self._closed(self)
            self.on_end = None


def _nothing(_: bytes) -> None:
    """Without keys, nothing is authentic."""


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
