"""Twilio Media Streams as a dialect: mu-law in base64 in JSON, with marks and clears."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from conference.codecs.pcmu import PcmuCodec
from conference.telephony.dialect import (
    Asked,
    CallIdentity,
    ClearBuffer,
    DialectOfEnds,
    Ignored,
    MarkPlayed,
    Message,
    PlayMedia,
    Said,
    SetMark,
    StreamConnected,
    StreamKey,
    StreamMedia,
    StreamStarted,
    StreamStopped,
    Unsupported,
)
from conference.telephony.fields import MessageError, shared_base64
from conference.telephony.twilio import messages
from conference.telephony.twilio.messages import SERVER_MEDIA_SUFFIX, build, client_media, server_media_prefix
from conference.telephony.twilio.usual_media import read_usual_media

_MU_LAW = PcmuCodec()


class TwilioServerEnd:
    """A server's end of one of Twilio's streams."""

    def __init__(self) -> None:
        self._stream_sid = ""
        self._prefix = server_media_prefix("")

    def parse(self, message: Message) -> Sequence[Said]:
        """See `ServerEnd.parse`."""
        if isinstance(message, bytes):
            raise MessageError("Media Streams messages are JSON in text frames; this frame is binary.")
        if (media := read_usual_media(message)) is not None:
            return (StreamMedia(*media),)
        return (self._said(messages.parse_client_message(message)),)

    def _said(self, read: messages.ClientMessage) -> Said:
        match read:
            case messages.Media():
                if read.track.startswith("outbound"):  # any other name is the caller's own sound
                    return Ignored("track", 'The track "outbound" is what the caller hears; it is not played.')
                return StreamMedia(read.payload, read.timestamp)
            case messages.Mark():
                return MarkPlayed(read.name)
            case messages.Dtmf():
                return StreamKey(read.digit)
            case messages.Start():
                return self._start(read)
            case messages.Connected():
                return StreamConnected()
            case messages.Stop():
                return StreamStopped()
            case messages.Unknown():
                return Ignored("unknown", "A message of an unknown event came; it is ignored.")

    def media(self, payload: bytes) -> str:
        """See `ServerEnd.media`."""
        return self._prefix + shared_base64(payload) + SERVER_MEDIA_SUFFIX

    def mark(self, name: str) -> str:
        """See `ServerEnd.mark`."""
        return build(messages.ServerMark(self._stream_sid, name))

    def clear(self) -> str:
        """See `ServerEnd.clear`."""
        return build(messages.Clear(self._stream_sid))

    def _start(self, start: messages.Start) -> Said:
        if not messages.is_mu_law(start.encoding) or (start.sample_rate, start.channels) != (8000, 1):
            return Unsupported("Only audio/x-mulaw with 8000 Hz and 1 channel is taken.")
        if not self._stream_sid:  # a second one changes nothing
            self._stream_sid = start.stream_sid
            self._prefix = server_media_prefix(start.stream_sid)
        return StreamStarted(start.stream_sid, start.call_sid, _MU_LAW, dict(start.custom_parameters))


class TwilioProviderEnd:
    """Twilio's end of one of its streams.

    Args:
        identity: of the call.
        parameters: ``customParameters`` of the ``start`` message.
    """

    codec = _MU_LAW

    def __init__(self, identity: CallIdentity, parameters: Mapping[str, str]) -> None:
        self._identity = identity
        self._quoted_sid = json.dumps(identity.stream_sid)
        self._parameters = dict(parameters)
        self._sequence_number = 0
        self._chunk = 0

    def opening(self) -> Sequence[str]:
        """``connected`` and ``start``."""
        start = messages.Start(
            stream_sid=self._identity.stream_sid,
            call_sid=self._identity.call_sid,
            account_sid=self._identity.account_sid,
            custom_parameters=self._parameters,
            sequence_number=self._next(),
        )
        return [build(messages.Connected()), build(start)]

    def media(self, payload: bytes) -> str:
        """See `ProviderEnd.media`."""
        timestamp, self._chunk = self._chunk * 20, self._chunk + 1
        return client_media(self._quoted_sid, self._next(), self._chunk, timestamp, shared_base64(payload))

    def key(self, digit: str) -> str:
        """See `ProviderEnd.key`."""
        return build(messages.Dtmf(self._identity.stream_sid, digit, self._next()))

    def mark(self, name: str) -> str:
        """See `ProviderEnd.mark`."""
        return build(messages.Mark(self._identity.stream_sid, name, self._next()))

    def cleared(self) -> Sequence[str]:
        """Nothing: the marks that come back tell it."""
        return ()

    def closing(self) -> Sequence[str]:
        """``stop``."""
        one = self._identity
        return [build(messages.Stop(one.stream_sid, one.call_sid, one.account_sid, self._next()))]

    def parse(self, message: Message) -> Sequence[Asked]:
        """See `ProviderEnd.parse`."""
        if isinstance(message, bytes):
            raise MessageError("A binary frame came; Media Streams messages are JSON in text frames.")
        read = messages.parse_server_message(message)
        if isinstance(read, messages.Unknown):
            return (Ignored("unknown", f'The event "{read.event}" is unknown.'),)
        if read.stream_sid != self._identity.stream_sid:
            raise MessageError("A message bears the streamSid of another stream.")
        match read:
            case messages.ServerMedia():
                return (PlayMedia(read.payload),)
            case messages.ServerMark():
                return (SetMark(read.name),)
            case messages.Clear():
                return (ClearBuffer(),)

    def _next(self) -> int:
        self._sequence_number += 1
        return self._sequence_number


TWILIO = DialectOfEnds(
    name="twilio",
    title="Twilio Media Streams",
    make_server_end=lambda _: TwilioServerEnd(),
    make_provider_end=TwilioProviderEnd,
    greets=True,
)
