"""Everything that can be set about a server, with the defaults: one frozen value, handed down from the top."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import get_args

from conference.access.tokens import check_secret
from conference.access.webhooks import read_key
from conference.attendant.menu import Menu
from conference.attendant.settings import ALONE, Alone
from conference.checks import SettingsError as SettingsError
from conference.checks import (
    check_address,
    check_host,
    check_origin,
    check_pin,
    check_webhook,
    is_address,
    option_name,
    read_secret,
)
from conference.iceservers import IceServer
from conference.room.conference import check_room_name
from conference.room.errors import InvalidRoomName
from conference.room.policy import Announce, Lobby

LOG_LEVELS = ("debug", "info", "warning", "error")
"""What :attr:`Settings.log_level` can be."""

GATES = ("adaptive", "fixed")
"""What :attr:`Settings.gate` can be."""

LOBBIES: tuple[str, ...] = get_args(Lobby)
"""What :attr:`Settings.lobby` can be."""

ANNOUNCEMENTS: tuple[str, ...] = get_args(Announce)
"""What :attr:`Settings.announce` can be."""

WEBHOOK_EVENTS = (
    "participant.joined",
    "participant.left",
    "participant.updated",
    "participants.left",
    "participants.updated",
    "room.updated",
    "hearing.changed",
    "unmute.requested",
    "sound.started",
    "sound.stopped",
    "message",
    "digit",
    "talking.started",
    "talking.stopped",
)
"""What :attr:`Settings.webhook_events` can name."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How one server runs. Times are in seconds, sizes in bytes, rates in bits per second.

    Raises:
        SettingsError: a value is out of its range, or two of them contradict each other.
    """

    # Where it listens
    host: str = "127.0.0.1"
    port: int = 8080
    udp_port: int = 0
    """The one UDP port of all media; 0 takes a free one."""
    announce_ips: tuple[str, ...] = ()
    """Addresses for ICE candidates; empty for the machine's own."""
    ice_servers: tuple[IceServer, ...] = ()
    public_url: str | None = None
    """The origin that others reach this server at, e.g. ``https://talk.example.org``; ``None``: as they asked for."""
    behind_proxy: bool = False
    """Believe what reverse proxies write into ``X-Forwarded-For``, ``-Proto`` and ``-Host``."""
    trusted_proxies: int = 1
    """How many of them stand one behind the other: so many entries from the end are theirs."""
    allowed_origins: tuple[str, ...] = ()
    """Other sites whose pages may use this server; ``*`` for all."""

    # TLS
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_self_signed: bool = False

    # Access
    secret: str | None = field(default=None, repr=False)
    """What tokens are signed with; several separated by commas, of which the first signs and all are believed."""
    secret_file: Path | None = None
    """A file that holds :attr:`secret`; it is read once."""
    open: bool = False
    """Let everybody do everything, although others than this machine can reach the server, and there is no secret."""
    pins: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Rooms and the PINs that let people without a token in."""
    pin_token_ttl: float = 43_200.0
    """How long the token is good for that somebody gets for a PIN."""
    open_metrics: bool = False
    """Give the metrics without a token."""

    # Limits
    max_pin_guesses_per_minute: int = 10
    """Wrong PINs from one address, all at once or spread; 0 for no limit."""
    max_pin_guesses_per_room: int = 20
    """Wrong PINs a minute for one room, from wherever; 0 for no limit."""
    max_rooms: int = 1000
    max_participants_per_room: int = 200
    max_talkers: int = 8
    """Who are mixed at once, in one room: the loudest."""
    max_own_volumes: int = 50
    """Those in one room who hear somebody louder or quieter than the others do: each of them is a mix of its own."""
    max_sdp_bytes: int = 64 * 1024
    max_name_length: int = 64
    max_joins_per_minute: int = 300
    """Per address, all at once or spread; 0 for no limit."""
    max_unproven_datagrams: int = 1000
    """A second, from one IP address, that come from nobody's connection; 0 for no limit."""
    max_unproven_percent: float = 15.0
    """Of the server's time, for all of those together; 100 for no limit."""
    max_datagrams: int = 5000
    """A second, from one connection, of STUN, and of media that is out of the ordinary; a tenth of it of DTLS, and a
    twentieth of checks that are authentic. 0 for no limit."""
    max_read_time: float = 0.005
    """After so long, reading what has come is interrupted for other work."""
    max_checks_per_connection: int = 16
    """Connectivity checks to addresses that an offer names, and from which nothing has come; 0: we wait for theirs."""
    max_checks_per_candidate: int = 4
    """Of those, to one address; more for ICE-lite peers, which do not check by themselves."""
    max_checks_per_address: int = 20
    """Of those, a second to one IP address, over all connections."""
    max_checks_per_second: int = 500
    """Of those, over all connections and addresses."""
    max_connections: int = 2000
    """TCP connections at one time; those of event streams, and of calls in rooms, are counted by themselves."""
    max_connections_per_address: int = 250
    """The same, of one address; 0 for no limit. Behind a proxy, which has only one, there is none."""
    max_request_bytes_per_second: int = 250_000
    """Bytes of requests that are read of one connection, over time."""
    header_timeout: float = 10.0
    """By then a connection has brought a whole request line and header, or is secured."""
    body_timeout: float = 10.0
    """By then a request's body is here."""
    response_timeout: float = 60.0
    """By then a request has been answered, and the client has taken the answer."""
    keep_alive_timeout: float = 75.0
    """How long a connection waits for another request."""
    max_calls: int = 2000
    """Calls on media WebSockets that are in rooms."""
    max_calls_per_address: int = 1000
    """The same, of one address; 0 for no limit."""
    max_event_streams: int = 2000
    max_event_streams_per_address: int = 1000
    """The same, of one address; 0 for no limit."""
    max_event_backlog: int = 256
    """Events that may wait for one subscriber before it is cut off."""
    event_history: int = 256
    """Events that are kept of each room, so that a subscriber who lost the stream can go on where they were."""
    event_history_ttl: float = 300.0
    """For how long those of a room that is gone are kept."""

    max_messages_per_minute: int = 60
    """What one person may write to the others in a room, all at once or spread; 0 for no limit."""

    # How rooms are run, until a host wants it otherwise
    lobby: Lobby = "off"
    """Who waits to be let in."""
    ends_with_host: bool = False
    """Everybody is sent home when the last host leaves."""
    mute_on_entry: bool = False
    """Whoever joins begins muted."""
    announce: Announce = "off"
    """What is heard when somebody comes or goes."""
    hold_music: str | None = None
    """The sound that those on hold, and in the lobby, hear; ``None`` for silence."""

    # Media
    ask_for_red: bool = False
    """Ask browsers to send each packet twice, so that losses on their way are mended without a wait."""

    require_if_match: bool = False
    """Take no candidates without ``If-Match``, which says what ICE session they belong to (RFC 9725, section 4.3.1)."""

    bitrate: int = 48_000
    gate: str = "adaptive"
    """Who is to be heard: ``adaptive`` leaves out each one's own background noise, ``fixed`` only what is silent."""
    levelling: bool = True
    """Whether voices that are too loud or too quiet are brought to a common loudness."""
    noise_suppression: bool = False
    forwarding: bool = True
    """Who is to hear one voice gets its own packets, in place of a mix."""
    """Whether noise is taken out of every voice; needs the extra ``noise``."""
    connect_timeout: float = 15.0
    silence_timeout: float = 8.0
    seat_hold: float = 5.0
    """For so long the seat of somebody is kept whose page is loaded anew; 0: they leave."""

    # Twilio
    twilio_default_room: str = "lobby"
    twilio_auth_token: str | None = field(default=None, repr=False)
    """What Twilio signs its requests with; they are checked when :attr:`public_url` is set, too."""

    max_call_frames_per_second: int = 400
    """WebSocket frames of any kind that are read of one caller, over time."""
    max_call_bytes_per_second: int = 1_000_000
    """Bytes that are read of one caller, over time."""
    max_call_message_bytes: int = 1024 * 1024
    """The longest message of a caller: more than a minute of sound."""
    call_flood_timeout: float = 30.0
    """How long a caller may go on sending more than is read."""

    # Webhooks
    webhooks: tuple[str, ...] = field(default=(), repr=False)
    """Where others are told what happens."""
    webhook_secret: str | None = field(default=None, repr=False)
    """What webhooks are signed with; several separated by commas sign all."""
    webhook_events: tuple[str, ...] = ()
    """The names of the events that are sent; empty for all but those of talking."""
    webhook_timeout: float = 10.0
    """For the answer to one attempt."""
    webhook_give_up: float = 300.0
    """An event that has not arrived by then is not tried again."""
    webhook_queue: int = 1000
    """Events that may wait for one receiver; of more, the oldest go."""

    # What callers are told, and sounds
    phone_prompts: bool = True
    """Tell callers what happens to them. For a PIN they are asked in any case."""
    alone_prompt: Alone = "phones"
    """Who is told that they are the only one."""
    dtmf_menu: Menu | None = None
    """What keys of a telephone do; ``None`` for the usual ones."""
    key_timeout: float = 3.0
    """Longest time between two keys that belong together."""
    pin_timeout: float = 10.0
    """How long a caller who is asked for a PIN may press nothing."""
    pin_tries: int = 3
    """PINs that a caller may try before the call is ended."""
    sounds: tuple[Path, ...] = ()
    """Folders of sounds to be played, and of prompts that replace those that ship with the server."""
    speech_command: tuple[str, ...] = ()
    """A program that speaks people's names: text on its standard input, an audio file on its standard output."""
    max_sounds: int = 200
    """Files in those folders."""
    max_sound_seconds: float = 600.0
    """Length of each of them; a minute takes 5.8 MB of memory."""

    # Captures
    capture: Path | None = None
    """The folder where everything that arrives in every room is written down; ``None`` for nothing."""
    capture_max_bytes: int = 64 * 1024 * 1024
    """Of one room's file."""
    capture_total_bytes: int = 1024 * 1024 * 1024
    """Of all files in the folder, those of earlier runs among them."""

    # The program itself
    log_level: str = "info"
    shutdown_timeout: float = 2.0
    """By then every call has been ended and the process can go."""
    event_heartbeat: float = 15.0
    """Longest silence on an event stream, so that proxies keep it open and a lost client is noticed."""

    def __post_init__(self) -> None:
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if not low <= value <= high:
                raise SettingsError(f"{option_name(name)} must be from {low} to {high}, not {value}.")
        check_host(self.host)
        for address in self.announce_ips:
            check_address(address)
        for origin in self.allowed_origins:
            if origin != "*":
                check_origin("allow_origin", origin)  # the option's name
        if self.public_url is not None:
            check_origin("public_url", self.public_url)
        try:
            check_room_name(self.twilio_default_room)
        except InvalidRoomName:
            raise SettingsError(
                "twilio-default-room must be 1 to 64 letters, digits, dots, underscores or hyphens, "
                f"and more than a dot or two, not '{self.twilio_default_room}'."
            ) from None
        for name, choices in _CHOICES:
            if getattr(self, name) not in choices:
                raise SettingsError(
                    f"{option_name(name)} must be one of {', '.join(choices)}, not '{getattr(self, name)}'."
                )
        self._check_tls()
        self._check_access()
        self._check_webhooks()

    def _check_tls(self) -> None:
        if self.tls_key is not None and self.tls_cert is None:
            raise SettingsError("tls-key needs tls-cert: the certificate that belongs to the key.")
        if self.tls_self_signed and self.tls_cert is not None:
            raise SettingsError("tls-self-signed makes its own certificate: give that or tls-cert, not both.")

    def _check_access(self) -> None:
        if self.secret_file is not None:
            if self.secret is not None:
                raise SettingsError("secret and secret-file are the same thing: give one of them.")
            object.__setattr__(self, "secret", read_secret(self.secret_file))
        try:
            for secret in self.secrets:
                check_secret(secret)
        except ValueError as error:
            each = " A comma separates two secrets." if "," in (self.secret or "") else ""
            raise SettingsError(f"secret: {error}{each}") from None
        for room, pin in self.pins:
            check_pin(room, pin)
        if self.twilio_auth_token is not None and self.public_url is None:
            raise SettingsError("twilio-auth-token needs public-url: Twilio signs the address that it asks for.")

    def _check_webhooks(self) -> None:
        for url in self.webhooks:
            check_webhook(url)
        if self.webhooks and self.webhook_secret is None:
            raise SettingsError("webhook needs webhook-secret: receivers must be able to tell that it was you.")
        try:
            _ = self.webhook_keys
        except ValueError as error:
            raise SettingsError(f"webhook-secret: {error}") from None
        for name in self.webhook_events:
            if name not in WEBHOOK_EVENTS:
                raise SettingsError(f"webhook-event must be one of {', '.join(WEBHOOK_EVENTS)}, not '{name}'.")

    @property
    def webhook_keys(self) -> tuple[bytes, ...]:
        """The parts of :attr:`webhook_secret`, read; none without one."""
        return () if self.webhook_secret is None else tuple(map(read_key, self.webhook_secret.split(",")))

    @property
    def secrets(self) -> tuple[str, ...]:
        """The parts of :attr:`secret`; none without one."""
        return () if self.secret is None else tuple(one.strip() for one in self.secret.split(","))

    @property
    def tls(self) -> bool:
        """Whether the server itself speaks HTTPS."""
        return self.tls_self_signed or self.tls_cert is not None

    @property
    def on_loopback(self) -> bool:
        """Whether :attr:`host` can be reached from this machine only."""
        return self.host == "localhost" or (is_address(self.host) and ipaddress.ip_address(self.host).is_loopback)


_RANGES: tuple[tuple[str, float, float], ...] = (
    ("port", 0, 65535),
    ("udp_port", 0, 65535),
    ("trusted_proxies", 1, 100),
    ("max_rooms", 1, 1_000_000),
    ("max_participants_per_room", 1, 100_000),
    ("max_talkers", 1, 1000),
    ("max_own_volumes", 0, 100_000),
    ("max_sdp_bytes", 1024, 1024 * 1024),
    ("max_name_length", 1, 1000),
    ("max_joins_per_minute", 0, 1_000_000),
    ("max_messages_per_minute", 0, 1_000_000),
    ("max_unproven_datagrams", 0, 1_000_000),
    ("max_unproven_percent", 1, 100),
    ("max_datagrams", 0, 1_000_000),
    ("max_read_time", 0.0005, 1),
    ("max_checks_per_connection", 0, 1000),
    ("max_checks_per_candidate", 1, 1000),
    ("max_checks_per_address", 1, 1_000_000),
    ("max_checks_per_second", 1, 1_000_000),
    ("max_connections", 1, 1_000_000),
    ("max_connections_per_address", 0, 1_000_000),
    ("max_request_bytes_per_second", 1000, 1_000_000_000),
    ("header_timeout", 0.1, 600),
    ("body_timeout", 0.1, 600),
    ("response_timeout", 1, 3_600),
    ("keep_alive_timeout", 0.1, 3_600),
    ("max_calls", 1, 1_000_000),
    ("max_calls_per_address", 0, 1_000_000),
    ("max_event_streams", 1, 1_000_000),
    ("max_event_streams_per_address", 0, 1_000_000),
    ("max_event_backlog", 1, 100_000),
    ("event_history", 1, 100_000),
    ("event_history_ttl", 0, 86_400),
    ("max_call_frames_per_second", 60, 1_000_000),
    ("max_call_bytes_per_second", 20_000, 1_000_000_000),
    ("max_call_message_bytes", 4096, 1024 * 1024),
    ("call_flood_timeout", 1, 3600),
    ("webhook_timeout", 0.01, 60),
    ("webhook_give_up", 0, 86_400),
    ("webhook_queue", 1, 1_000_000),
    ("pin_token_ttl", 60, 31_536_000),
    ("max_pin_guesses_per_minute", 0, 1_000_000),
    ("max_pin_guesses_per_room", 0, 1_000_000),
    ("key_timeout", 0.1, 60),
    ("pin_timeout", 1, 120),
    ("pin_tries", 1, 20),
    ("max_sounds", 0, 10_000),
    ("max_sound_seconds", 1, 7_200),
    ("capture_max_bytes", 64 * 1024, 2**40),
    ("capture_total_bytes", 64 * 1024, 2**50),
    ("bitrate", 6_000, 510_000),  # what Opus can do: RFC 6716, section 2.1.1
    ("connect_timeout", 0.1, 600),
    ("silence_timeout", 0.1, 600),
    ("seat_hold", 0, 60),
    ("shutdown_timeout", 0.1, 60),
    ("event_heartbeat", 0.01, 300),
)

_CHOICES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("log_level", LOG_LEVELS),
    ("gate", GATES),
    ("lobby", LOBBIES),
    ("announce", ANNOUNCEMENTS),
    ("alone_prompt", ALONE),
)


FIELDS = tuple(field.name for field in fields(Settings))
"""The names of all settings."""
