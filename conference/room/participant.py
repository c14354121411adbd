"""One person or bot in a room: what it gives (a source), what it gets (a sink), and its state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, get_args

from conference.audio.frame import SILENT_LEVEL, Samples
from conference.codecs.base import Codec
from conference.room.talking_voice import TalkingVoice
from conference.room.voice import Voice

StreamTransport: TypeAlias = Literal[
    "twilio", "telnyx", "signalwire", "plivo", "exotel", "vonage", "jambonz", "freeswitch", "asterisk", "audiosocket"
]
"""A media stream, by its dialect: telephone calls, and programs that act like one."""

Transport: TypeAlias = Literal["webrtc", "audio", "local"] | StreamTransport
"""The way a participant came in. ``audio`` is a WebSocket with each voice apart, ``local`` is code in this process."""

STREAM_TRANSPORTS: tuple[StreamTransport, ...] = get_args(StreamTransport)
TRANSPORTS: tuple[Transport, ...] = ("webrtc", *STREAM_TRANSPORTS, "audio", "local")

Role: TypeAlias = Literal["host", "speaker", "listener"]
"""What somebody is here for: to run the room, to talk, to listen."""


CallState: TypeAlias = Literal["dialing", "ringing", "answered", "busy", "no-answer", "failed", "canceled"]
"""How far it has come with somebody whom the room has called. The last four are of those who leave now."""

AnsweredBy: TypeAlias = Literal["human", "machine", "fax", "unknown"]
"""Who has answered, where somebody listens for that."""


class SourceReader(Protocol):
    """What brings a source its sound, and need not be awake between ticks."""

    def collect(self) -> None:
        """Bring what has come. Called before each tick of a room that the source is in."""
        ...

    def let_go(self) -> None:
        """The source is in that room no more: nobody collects until it is in one again."""
        ...


class Source(Protocol):
    """Where a participant's voice comes from. The room pulls it once a tick, unless it sleeps (`SpeakerSelector`).

    One that is brought its sound when it is asked for has an attribute ``reader``, too: a `SourceReader`, or ``None``.
    One that can sleep says with ``idle`` that there is nothing to be pulled; calls what the room has put into its
    attribute ``wake``, once, when there is again; and is told by ``slept`` on how many ticks it was not asked.
    """

    def pull(self, now_ns: int) -> Samples | None:
        """The next 20 ms, shape ``(960,)``, int16; ``None`` if there is nothing to hear."""
        ...


Departure: TypeAlias = Literal["left", "removed", "lost", "ended", "failed"]
"""How somebody went: by themselves; sent out; their connection broke; the conference was ended; by an error of ours."""


@dataclass(frozen=True, slots=True)
class Mix:
    """What one participant hears during one tick. Everyone with the same mix and codec shares one of these."""

    tick: int
    """Number of the tick."""

    samples: Samples
    """The mix, limited: shape ``(960,)``, int16; read-only. All zero when nobody speaks."""

    payload: bytes | None
    """The mix in the sink's codec; ``None`` when nothing need be sent, or when no codec was asked for."""


class Sink(Protocol):
    """Where a participant's mix goes. Must not block and must not raise.

    A sink that knows how many packets are lost on their way has an attribute ``expected_loss``, too: percent, 0 to 100.
    The encoder's FEC follows it. And one whose attribute ``packets_only`` is true is passed over while there is nothing
    to be sent: a room in which nobody speaks does nothing for those who hear that. One that drops what it gets until
    its connection is up has an attribute ``on_open``, too, which the room sets: to be called when that is so.
    """

    codec: Codec | None
    """What :attr:`Mix.payload` is to be encoded with; ``None`` for PCM alone."""

    def deliver(self, mix: Mix) -> None:
        """Take the mix of one tick. Called once a tick while in a room, but see above."""
        ...


class VoicesSink(Protocol):
    """Where others' voices go, each by itself, in place of a mix. Must not block."""

    def hear(self, talking: Sequence[TalkingVoice], now_ns: int) -> None:
        """Take a tick: called on each on which anybody talks, and on the first one after that.

        Args:
            talking: who is to be heard here, and talks.
            now_ns: monotonic time at which the tick was due.
        """
        ...


@dataclass(frozen=True, slots=True)
class ParticipantState:
    """A participant at one moment, as the API shows it."""

    id: str
    name: str
    transport: Transport
    muted: bool
    talking: bool
    level: float
    """Level of the last frame in dBov, -127 (silence) to 0 (full scale)."""

    joined_at: float
    """Unix time in seconds."""

    levelling: bool = True
    """Their voice is brought to a common loudness."""

    noise_suppression: bool = False
    """Noise is taken out of their voice."""

    original_sound: bool = False
    """Their voice is left as it is, whatever the two above say."""

    role: Role = "speaker"
    identity: str | None = None
    """Who they are beyond this room, as their token says."""

    muted_by: str | None = None
    """Who muted them, so that they cannot unmute themselves; ``None`` if they did it themselves, or are not muted."""

    held: bool = False
    """On hold: neither heard nor hearing anybody."""

    deafened: bool = False
    """They hear nobody."""

    waiting: bool = False
    """In the lobby: neither heard nor hearing anybody until let in."""

    hand_raised_at: float | None = None
    """Since when they ask to speak, unix time in seconds."""

    call: CallState | None = None
    """How far it has come with them, whom the room has called; ``None`` for those who came by themselves."""

    answered_by: AnsweredBy | None = None
    """Who has answered the call; ``None`` while that is not known."""

    node: str | None = None
    """Id of the node that serves them, where several are one conference."""


@dataclass(frozen=True, slots=True)
class ModerationState:
    """What was decided about somebody, which outlives a lost connection."""

    role: Role
    muted: bool
    muted_by: str | None
    held: bool
    deafened: bool
    waiting: bool


class Participant:
    """Somebody in a room.

    Args:
        id: unique within the server, opaque, safe in a URL.
        name: what people see.
        transport: the way they came in.
        joined_at: unix time in seconds.
        source: their voice; ``None`` for one who only listens.
        sink: their ear; ``None`` for one who only speaks.
        hang_up: ends the participant's connection, for a reason that people can read; must not block.
        role: what they are here for.
        identity: who they are beyond this room, if that is known.
        call: how far it has come with somebody whom the room calls; ``None`` for those who come by themselves.
        original_sound: whether their voice is to be left as it is from the beginning.
        voices: where others' voices go, each by itself; ``None`` for nearly everybody.
        bot: whether this is a program that talks with people, who can interrupt it.
        interrupt: silences a bot that lets itself be interrupted; is given who does.
    """

    __slots__ = (
        "answered_by",
        "bot",
        "call",
        "deafened",
        "hand_raised_at",
        "hang_up",
        "held",
        "id",
        "identity",
        "interrupt",
        "joined_at",
        "leaving",
        "level",
        "muted",
        "muted_by",
        "name",
        "node",
        "original_sound",
        "remote",
        "role",
        "sink",
        "source",
        "talking",
        "transport",
        "voice",
        "voices",
        "waiting",
    )

    def __init__(
        self,
        *,
        id: str,  # noqa: A002 - the API's own word
        name: str,
        transport: Transport,
        joined_at: float,
        source: Source | None = None,
        sink: Sink | None = None,
        hang_up: Callable[[str], None] | None = None,
        role: Role = "speaker",
        identity: str | None = None,
        call: CallState | None = None,
        original_sound: bool = False,
        voices: VoicesSink | None = None,
        bot: bool = False,
        interrupt: Callable[[Participant], None] | None = None,
    ) -> None:
        self.id = id
        self.name = name
        self.transport = transport
        self.joined_at = joined_at
        self.source = source
        self.sink = sink
        self.hang_up = hang_up
        self.role = role
        self.identity = identity
        self.call = call
        self.answered_by: AnsweredBy | None = None
        self.original_sound = original_sound
        self.voices = voices
        self.bot = bot
        self.interrupt = interrupt
        self.muted = False
        self.muted_by: str | None = None
        self.held = False
        self.deafened = False
        self.waiting = False
        self.hand_raised_at: float | None = None
        self.node: str | None = None
        self.remote = False  # another process than this one serves them
        self.leaving: tuple[Departure, str | None] | None = None  # they were told to go, by whom
        self.talking = False
        self.level = SILENT_LEVEL
        self.voice = Voice()  # until a room says how voices are treated there

    @property
    def absent(self) -> bool:
        """On hold, or in the lobby: outside of the conversation."""
        return self.held or self.waiting

    @property
    def hears_apart(self) -> bool:
        """They get others' voices, each by itself, as things are decided now."""
        return self.voices is not None and not self.absent and not self.deafened

    @property
    def may_be_heard(self) -> bool:
        """Nothing that was decided about them silences them."""
        return not (self.muted or self.held or self.waiting or self.role == "listener")

    @property
    def moderation(self) -> ModerationState:
        """What was decided about them."""
        return ModerationState(self.role, self.muted, self.muted_by, self.held, self.deafened, self.waiting)

    def apply_moderation(self, moderation: ModerationState) -> None:
        """Take over what was decided about them before they were lost. To be called before they are in a room."""
        self.role = moderation.role
        self.muted, self.muted_by = moderation.muted, moderation.muted_by
        self.held, self.deafened, self.waiting = moderation.held, moderation.deafened, moderation.waiting

    def state(self) -> ParticipantState:
        """A snapshot."""
        return ParticipantState(
            id=self.id,
            name=self.name,
            transport=self.transport,
            muted=self.muted,
            talking=self.talking,
            level=round(self.level, 1),
            joined_at=self.joined_at,
            levelling=self.voice.settings.levelling,
            noise_suppression=self.voice.settings.noise_suppression,
            original_sound=self.voice.settings.original_sound,
            role=self.role,
            identity=self.identity,
            muted_by=self.muted_by,
            held=self.held,
            deafened=self.deafened,
            waiting=self.waiting,
            hand_raised_at=self.hand_raised_at,
            call=self.call,
            answered_by=self.answered_by,
            node=self.node,
        )
