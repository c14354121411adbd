"""A call out to an application that is written for Twilio's voice webhook, or to a bot: the TwiML is followed.

A bot is called by its stream's address. As Twilio's do, it may redirect the running call to TwiML.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urljoin

import aiohttp
from yarl import URL

from conference.audio.frame import SAMPLE_RATE, Samples
from conference.audio.resample import Resampler
from conference.prompts.decode import MediaError, read_audio
from conference.prompts.speech import speak
from conference.room.conference import Conference
from conference.telephony.connecting import (
    CallError,
    Connecting,
    NotAllowed,
    guarded_session,
    host_and_port,
    shown_address,
)
from conference.telephony.destinations import Destinations
from conference.telephony.dialed import DialedLeg
from conference.telephony.twilio.verbs import (
    MAX_DOCUMENT_BYTES,
    ConnectStream,
    Hangup,
    Pause,
    Play,
    Redirect,
    Say,
    TwimlError,
    Verb,
    read_twiml,
)
from conference.unreachable import reason
from conference.web.joining.dialed import DialedCall, End, Patience, Wanted
from conference.web.joining.signatures import HEADER

MAX_DOCUMENTS = 50
"""Documents that one call may be led through."""

_POLL_SECONDS = 0.02
_SOUNDS = (b"RIFF", b"OggS", b"fLaC", b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b".snd")
"""How files begin that are played: none of them names other files, which would then be opened, too."""

_T = TypeVar("_T")


@dataclass(frozen=True)
class Application:
    """How an application is asked, and what can be done for it."""

    allowed: Destinations
    seconds: float
    """That a request may take."""

    max_sound_bytes: int
    max_sound_seconds: float
    speech_command: Sequence[str] | None
    """Speaks what is to be said; see `prompts.speech.speak`."""

    sign: Callable[[str, Mapping[str, str]], str] | None
    """Signs a request as Twilio would."""

    headers: Mapping[str, str] = field(default_factory=dict)
    """Of each request."""

    def check_address(self, url: str) -> None:
        """Make sure that somebody may be called at an address.

        Raises:
            CallError: this is none.
            NotAllowed: nobody may call there.
        """
        host, port = host_and_port(url)
        if not self.allowed.may_have(host, port):
            raise NotAllowed(f"{host} may not be called from here: see the option --dial-allow.")


class _Ended(Exception):
    """The call was ended while something was being done for it."""


@dataclass(frozen=True, slots=True)
class Document:
    """Where TwiML comes from."""

    url: str
    """Of the application that is asked; or, of TwiML that is at hand, what addresses in it are relative to."""

    method: str = "POST"
    verbs: tuple[Verb, ...] | None = None
    """TwiML that is at hand."""


class TwimlCall(DialedCall):
    """Somebody who is called by a webhook, or by the address of a stream, and may redirect the call.

    Args:
        wanted, leg, conference, connecting, patience: see `DialedCall`.
        application: how they are asked what to do.
    """

    def __init__(
        self,
        wanted: Wanted,
        leg: DialedLeg,
        conference: Conference,
        connecting: Connecting,
        patience: Patience,
        application: Application,
    ) -> None:
        super().__init__(wanted, leg, conference, connecting, patience)
        self.application = application
        self._next: Document | None = None  # where the call has been redirected to
        self._documents = 0  # that it was led through

    def redirect(self, document: Document) -> None:
        """Lead the call on to other TwiML, whatever it does just now.

        Raises:
            NotAllowed: nobody may call there.
        """
        if document.verbs is None:
            self.application.check_address(document.url)
        if self._next is not None or not self._ended.done():  # else it has ended already
            self._next = document
            super()._end(End("redirected", "left"))

    async def place(self) -> End:
        """See `DialedCall.place`."""
        document = Document(self._wanted.url) if self._wanted.webhook else None
        try:
            async with asyncio.timeout(self._patience.call):
                while True:
                    end = await self._run_to_redirect(document)
                    document, self._next = self._next, None
                    if document is None:
                        return self._ended.result() if self._ended.done() else end
                    self._leg.hung_up()
                    self._ended = asyncio.get_running_loop().create_future()
        except TimeoutError:
            return End("the call has lasted as long as it may", "ended")

    async def _run_to_redirect(self, document: Document | None) -> End:
        """Do what a document says, or (``None``) talk over the stream that was called, to the end or a redirect.

        Raises:
            CallError: somebody cannot be reached.
        """
        try:
            if document is None:
                return await super().place()
            return await self._follow_documents(document)
        except _Ended:
            return self._ended.result()
        except (TwimlError, MediaError) as error:
            return End(str(error), "lost")
        except CallError as error:
            if self._next is None:
                raise
            return End(str(error), "lost")

    def _end(self, end: End) -> None:
        if self._next is not None:  # the end counts, and not where the call was to go on
            self._next = None
            self._ended = asyncio.get_running_loop().create_future()
        super()._end(end)

    def _stream_is_over(self, end: End) -> None:
        """A call goes on with the next verb, or where it is redirected."""
        if not self._wanted.webhook and self._next is None and not self._documents:
            super()._stream_is_over(end)

    async def _follow_documents(self, document: Document) -> End:
        while True:
            self._documents += 1
            if self._documents > MAX_DOCUMENTS:
                return End(f"the call is redirected more than {MAX_DOCUMENTS} times", "lost")
            verbs: Sequence[Verb] | None = document.verbs
            if verbs is None:
                asked = self._ask(document.method, document.url, self._form(), MAX_DOCUMENT_BYTES)
                verbs = read_twiml(await self._or_end(asked))
            following = await self._follow(verbs, document.url)
            if isinstance(following, End):
                return following
            document = Document(following)

    async def _follow(self, verbs: Sequence[Verb], url: str) -> End | str:
        """Do what a document says. Returns where to go on, or how the call ended."""
        for verb in verbs:
            match verb:
                case Hangup(rejected):
                    return End("the application rejects the call" if rejected else "hung up", "left")
                case Redirect(target):
                    return _address(url, target, ("http", "https"))
                case ConnectStream(target, parameters):
                    await self._connect(target, parameters)
                case _:
                    self._set_answered()
                    await self._or_end(self._sound(verb, url))
            if self._ended.done():
                return self._ended.result()
        return End("hung up", "left")

    async def _connect(self, url: str, parameters: Mapping[str, str]) -> None:
        url = _address("", url, ("wss", "ws"))
        parameters = {**self._wanted.parameters, **parameters}
        self._leg.phone.restart(parameters)
        end = await self._stream_kept(url, parameters)
        self._leg.hung_up()
        if end.departure == "lost":
            raise CallError(end.reason)

    async def _sound(self, verb: Verb, url: str) -> None:
        match verb:
            case Pause(seconds):
                await asyncio.sleep(seconds)
            case Say(text) if text:
                if not self.application.speech_command:
                    raise TwimlError("The TwiML has something to <Say>, which needs --speech-command.")
                await self._play(await asyncio.to_thread(speak, self.application.speech_command, text))
            case Play(target, times):
                sound = await self._ask(
                    "GET", _address(url, target, ("http", "https")), {}, self.application.max_sound_bytes
                )
                samples = await asyncio.to_thread(_decode, sound, self.application.max_sound_seconds)
                for _ in range(times):
                    await self._play(samples)

    async def _play(self, samples: Samples) -> None:
        """Have it heard in the room, as what the application says."""
        if not self.grant.allows("speak"):  # nobody hears it, so that nothing would play it
            await asyncio.sleep(len(samples) / SAMPLE_RATE)
            return
        codec, playout = self._leg.phone.codec, self._leg.phone.playout
        resampler = Resampler(SAMPLE_RATE, codec.rate)
        playout.append(codec.encode_samples(resampler.process(samples)) + codec.encode_samples(resampler.flush()))
        while playout.buffered_bytes:  # noqa: ASYNC110 - the room plays it, a frame on each of its ticks
            await asyncio.sleep(_POLL_SECONDS)

    async def _ask(self, method: str, url: str, form: Mapping[str, str], most: int) -> bytes:
        """What a request to the application, or to wherever it says, is answered.

        Raises:
            CallError: it cannot be asked, or does not answer as it should.
        """
        shown = shown_address(url)
        headers = dict(self.application.headers)
        data, query = (dict(form) or None, None) if method == "POST" else (None, dict(form) or None)
        if form and self.application.sign is not None:
            signed = (url, form) if query is None else (str(URL(url).extend_query(query)), {})
            headers[HEADER] = self.application.sign(*signed)
        timeout = aiohttp.ClientTimeout(total=self.application.seconds)
        try:
            async with (
                guarded_session(url, self.application.allowed, timeout=timeout) as session,
                session.request(method, url, data=data, params=query, headers=headers) as response,
            ):
                if response.status != 200:
                    raise CallError(f"{shown} answers with HTTP status {response.status}.", response.status)
                body = b""
                async for part in response.content.iter_any():
                    body += part
                    if len(body) > most:
                        raise CallError(f"{shown} answers with more than {most} bytes.")
                return body
        except TimeoutError:
            raise CallError(f"{shown} did not answer within {self.application.seconds:g} s.") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise CallError(f"{shown} cannot be asked: {reason(error)}.") from None

    async def _or_end(self, work: Awaitable[_T]) -> _T:
        """What work comes to, unless the call is ended before.

        Raises:
            _Ended: it was.
        """
        doing = asyncio.ensure_future(work)
        try:
            waited: set[asyncio.Future[object]] = {doing, self._ended}  # type: ignore[arg-type]
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if not doing.done():
                raise _Ended
            return doing.result()
        finally:
            doing.cancel()
            await asyncio.wait({doing})

    def _form(self) -> dict[str, str]:
        """What Twilio would say about the call."""
        identity = self._leg.phone.identity
        told = {
            "AccountSid": identity.account_sid,
            "ApiVersion": "2010-04-01",
            "CallSid": identity.call_sid,
            "CallStatus": "ringing" if not self._is_answered else "in-progress",
            "Direction": "inbound",
            "From": f"client:{self._wanted.room}",
            "To": f"client:{self._wanted.name}",
        }
        return dict(self._wanted.parameters) | told | {"Caller": told["From"], "Called": told["To"]}


def _address(base: str, target: str, schemes: Sequence[str]) -> str:
    """Where a document leads, as seen from its own address.

    Raises:
        TwimlError: that is no address of one of these schemes.
    """
    try:
        address = urljoin(base, target)
        host_and_port(address)
    except (ValueError, CallError):
        address = ""
    if address.partition("://")[0].lower() not in schemes:
        raise TwimlError(f"The TwiML leads to what is no {schemes[0]}:// address.")
    return address


def _decode(sound: bytes, longest_seconds: float) -> Samples:
    if not sound.startswith(_SOUNDS):
        raise TwimlError("The TwiML has something to <Play> that is neither WAV, MP3, Ogg, FLAC nor AU.")
    with tempfile.NamedTemporaryFile() as file:
        file.write(sound)
        file.flush()
        try:
            return read_audio(file.name, longest_seconds=longest_seconds)
        except MediaError:
            raise TwimlError("The TwiML has something to <Play> that cannot be decoded.") from None
