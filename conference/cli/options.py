"""The options of a server: each one a command line option and an environment variable, described once."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from conference.attendant.menu import Menu, read_menu
from conference.attendant.settings import ALONE
from conference.iceservers import IceServerError, parse_ice_server
from conference.settings import ANNOUNCEMENTS, GATES, LOBBIES, LOG_LEVELS, Settings, SettingsError

PREFIX = "CONFERENCE_"
"""How the environment variables of all options begin."""


@dataclass(frozen=True, slots=True)
class Option:
    """One setting as people give it.

    Raises from :attr:`read`:
        ValueError: with a sentence that says what would be right.
    """

    field: str
    """The name in :class:`~conference.settings.Settings`."""

    group: str
    read: Callable[[str], Any]
    """Makes the value from text."""

    metavar: str
    help: str
    name: str = ""
    """The option's name where it is not the field's."""

    many: bool = False
    """Whether it can be given more than once; in the environment the values are separated by spaces."""

    @property
    def flag(self) -> str:
        """As on the command line: ``--udp-port``."""
        return "--" + (self.name or self.field.replace("_", "-"))

    @property
    def variable(self) -> str:
        """As in the environment: ``CONFERENCE_UDP_PORT``."""
        return PREFIX + self.flag.removeprefix("--").replace("-", "_").upper()


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are one sentence."""

    def error(self, message: str) -> NoReturn:
        """Print one line and exit with 2."""
        message = re.sub(r"^argument (--[a-z-]+|[A-Z_]+)(?:/[^:]*|(?: [^:]*))?: ", r"\1: ", message).rstrip(".")
        self.exit(2, f"{self.prog}: {message}. See {self.prog} --help.\n")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give ``parser`` every option of a server. What is not given does not appear in the namespace."""
    groups: dict[str, argparse._ArgumentGroup] = {}
    for option in OPTIONS:
        group = groups.setdefault(option.group, parser.add_argument_group(option.group))
        text = option.help.replace("%", "%%")
        if option.read is read_switch:
            group.add_argument(
                option.flag,
                dest=option.field,
                action=argparse.BooleanOptionalAction,
                default=argparse.SUPPRESS,
                help=text,
            )
            continue
        group.add_argument(
            option.flag,
            dest=option.field,
            action="append" if option.many else "store",
            type=_argument(option.read),
            metavar=option.metavar,
            default=argparse.SUPPRESS,
            help=text + _default(option),
        )


def make_settings(given: Mapping[str, Any], environment: Mapping[str, str]) -> Settings:
    """The settings from what was given on the command line, then the environment, then the defaults.

    Raises:
        SettingsError: with a sentence that names the variable or option.
    """
    values: dict[str, Any] = {}
    for option in OPTIONS:
        text = environment.get(option.variable, "").strip()
        if option.field in given:
            value = given[option.field]
            values[option.field] = tuple(value) if option.many else value
        elif text:
            values[option.field] = _from_environment(option, text)
    return Settings(**values)


def _from_environment(option: Option, text: str) -> object:
    try:
        return tuple(option.read(part) for part in text.split()) if option.many else option.read(text)
    except ValueError as error:
        raise SettingsError(f"{option.variable}: {error}") from None


def _argument(read: Callable[[str], Any]) -> Callable[[str], Any]:
    def convert(text: str) -> object:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def _default(option: Option) -> str:
    value = Settings.__dataclass_fields__[option.field].default
    if value in (None, ()):
        return ""
    return f" (default: {value:g})" if isinstance(value, float) else f" (default: {value})"


def read_whole(text: str) -> int:
    """A whole number, not negative."""
    if not re.fullmatch(r"[0-9]{1,12}", text):
        raise ValueError(f"'{text}' is not a whole number.")
    return int(text)


def read_port(text: str) -> int:
    """A port number, 0 for any free one."""
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) > 65535:
        raise ValueError(f"'{text}' is not a port: give a number from 0 to 65535.")
    return int(text)


def read_seconds(text: str) -> float:
    """A time in seconds."""
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", text):
        raise ValueError(f"'{text}' is not a number of seconds.")
    return float(text)


def read_percent(text: str) -> float:
    """A percentage, without its sign."""
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,6})?", text):
        raise ValueError(f"'{text}' is not a percentage: give a number from 1 to 100.")
    return float(text)


def _path(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:  # "~somebody", of whom this machine knows nothing
        raise ValueError(f"there is no home that '{text}' could begin with.") from None


def read_file(text: str) -> Path:
    """The path of a file that is there."""
    path = _path(text)
    if not path.is_file():
        raise ValueError(f"there is no file '{text}'.")
    return path


def read_folder(text: str) -> Path:
    """The path of a folder that can be written to."""
    path = _path(text)
    if not path.is_dir():
        raise ValueError(f"there is no folder '{text}'.")
    if not os.access(path, os.W_OK | os.X_OK):
        raise ValueError(f"nothing can be written into the folder '{text}'.")
    return path


def read_sound_folder(text: str) -> Path:
    """The path of a folder to read from."""
    path = _path(text)
    if not path.is_dir():
        raise ValueError(f"there is no folder '{text}'.")
    return path


def read_command(text: str) -> tuple[str, ...]:
    """A program and its arguments, as a shell would split them."""
    try:
        words = tuple(shlex.split(text))
    except ValueError:
        raise ValueError(f"a quote is not closed in '{text}'.") from None
    if not words or shutil.which(words[0]) is None:
        raise ValueError(f"there is no program '{words[0] if words else text}'.")
    return words


def read_dtmf_menu(text: str) -> Menu:
    """A menu, from its file."""
    return read_menu(_path(text))


def read_switch(text: str) -> bool:
    """Yes or no."""
    answer = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if text.lower() not in answer:
        raise ValueError(f"'{text}' is neither yes nor no.")
    return answer[text.lower()]


def read_pin(text: str) -> tuple[str, str]:
    """A room and its PIN."""
    room, equals, pin = text.partition("=")
    if not equals or not room or not pin:
        raise ValueError("a PIN is given as ROOM=1234.")
    return room, pin


def one_of(choices: tuple[str, ...]) -> Callable[[str], str]:
    """Reads one of several words, in any case."""

    def read(text: str) -> str:
        if text.lower() not in choices:
            raise ValueError(f"'{text}' is not one of {', '.join(choices)}.")
        return text.lower()

    return read


_WHERE = "Where people reach it"
_MEDIA = "How sound gets through"
_ACCESS = "Who may do what (docs/access.md)"
_ROOMS = "How rooms are run, until a host wants it otherwise (docs/moderation.md)"
_TLS = "HTTPS (browsers give the microphone to a page only over HTTPS, or on localhost)"
_LIMITS = "Limits"
_TWILIO = "Phone calls (Twilio Media Streams)"
_WEBHOOKS = "Webhooks: other servers are told what happens (docs/webhooks.md)"
_PHONES = "What callers are told, and sounds (docs/phones.md)"
_CAPTURE = "Captures, to find out why something sounded wrong"
_PROGRAM = "The program"

OPTIONS: tuple[Option, ...] = (
    Option("host", _WHERE, str, "ADDRESS",
           "the address to listen on: 127.0.0.1 for this machine only, 0.0.0.0 for everybody, :: for the same by IPv6"),
    Option("port", _WHERE, read_port, "PORT", "the TCP port of the page and the API; 0 takes a free one"),
    Option("public_url", _WHERE, str, "URL",
           "how others reach this server, e.g. https://talk.example.org; needed behind a proxy"),
    Option("behind_proxy", _WHERE, read_switch, "",
           "a reverse proxy stands in front: believe its X-Forwarded-For, X-Forwarded-Proto and X-Forwarded-Host"),
    Option("trusted_proxies", _WHERE, read_whole, "N",
           "how many reverse proxies stand one behind the other: what others wrote before them is not believed"),
    Option("allowed_origins", _WHERE, str, "ORIGIN",
           "another site whose pages may use this server's API, e.g. https://intranet.example.org, or * for all; "
           "can be repeated", name="allow-origin", many=True),
    Option("udp_port", _MEDIA, read_port, "PORT",
           "the one UDP port that carries all sound: open it in the firewall; 0 takes a free one"),
    Option("announce_ips", _MEDIA, str, "ADDRESS",
           "the IP address that peers send sound to, when it is not this machine's own: the public one behind NAT; "
           "can be repeated", name="announce-ip", many=True),
    Option("ice_servers", _MEDIA, parse_ice_server, "SERVER",
           "a STUN or TURN server for the clients: stun:HOST:PORT or turn:USER:PASSWORD@HOST:PORT?transport=udp; "
           "can be repeated", name="ice-server", many=True),
    Option("bitrate", _MEDIA, read_whole, "BITS", "bits per second of what each listener gets, at most"),
    Option("ask_for_red", _MEDIA, read_switch, "",
           "ask browsers to send each packet twice (RED), so that what gets lost comes with the next one, "
           "at twice the bitrate"),
    Option("require_if_match", _MEDIA, read_switch, "",
           "refuse trickled candidates without If-Match, as WHIP has it (RFC 9725): many clients leave it out"),
    Option("gate", _MEDIA, one_of(GATES), "GATE",
           "who is heard: adaptive leaves out each one's own background noise, fixed only what is silent"),
    Option("levelling", _MEDIA, read_switch, "",
           "bring voices that are too loud or too quiet to a common loudness (default: yes)"),
    Option("noise_suppression", _MEDIA, read_switch, "",
           "take noise out of every voice, at the price of 7 ms of delay; needs pip install 'conference[noise]'"),
    Option("forwarding", _MEDIA, read_switch, "",
           "give who is to hear one voice its own packets, as they came, in place of a mix (default: yes)"),
    Option("connect_timeout", _MEDIA, read_seconds, "SECONDS",
           "how long a browser may take to connect its sound before it is taken out of the room"),
    Option("seat_hold", _MEDIA, read_seconds, "SECONDS",
           "how long the seat of somebody is kept who loads the page anew; 0 for not at all"),
    Option("silence_timeout", _MEDIA, read_seconds, "SECONDS",
           "how long nothing at all may come from a browser before it counts as gone"),
    Option("secret", _ACCESS, str, "TEXT",
           "ask everybody for a token signed with this: 32 random characters or more, which conference token signs "
           "with, too; better in the environment than here. Several separated by commas: the first signs"),
    Option("secret_file", _ACCESS, read_file, "FILE", "a file that holds the secret"),
    Option("open", _ACCESS, read_switch, "",
           "without a secret, let everybody who reaches this server do everything: only for a network that you trust"),
    Option("pins", _ACCESS, read_pin, "ROOM=PIN",
           "4 to 12 digits that let people without a token into a room; can be repeated", name="pin", many=True),
    Option("pin_token_ttl", _ACCESS, read_seconds, "SECONDS", "how long somebody who gave a PIN may come and go"),
    Option("max_pin_guesses_per_minute", _ACCESS, read_whole, "N", "wrong PINs from one address; 0 for no limit"),
    Option("max_pin_guesses_per_room", _ACCESS, read_whole, "N",
           "wrong PINs a minute for one room, from wherever; 0 for no limit"),
    Option("open_metrics", _ACCESS, read_switch, "",
           "give /metrics to everybody, for Prometheus in a network of yours"),
    Option("lobby", _ROOMS, one_of(LOBBIES), "WHO",
           "who waits in the lobby: off for nobody, host for all until a host is there, admit for all until a host "
           "lets them in"),
    Option("ends_with_host", _ROOMS, read_switch, "", "send everybody home when the last host leaves"),
    Option("mute_on_entry", _ROOMS, read_switch, "", "whoever joins begins muted"),
    Option("announce", _ROOMS, one_of(ANNOUNCEMENTS), "WHAT",
           "what is heard when somebody comes or goes: off, tones, or names (a tone and who it was)"),
    Option("hold_music", _ROOMS, str, "SOUND", "the sound that people hear on hold and in the lobby, by its name"),
    Option("tls_cert", _TLS, read_file, "FILE", "the certificate, with its chain, as PEM"),
    Option("tls_key", _TLS, read_file, "FILE", "the certificate's private key, as PEM (default: in the same file)"),
    Option("tls_self_signed", _TLS, read_switch, "",
           "make a certificate for a trial in the local network; browsers will warn about it, once"),
    Option("max_rooms", _LIMITS, read_whole, "N", "rooms at one time"),
    Option("max_participants_per_room", _LIMITS, read_whole, "N", "people in one room"),
    Option("max_talkers", _LIMITS, read_whole, "N", "people heard at once in one room: the loudest"),
    Option("max_own_volumes", _LIMITS, read_whole, "N",
           "people in one room who hear others louder or quieter than they are, as they have set it for themselves"),
    Option("max_joins_per_minute", _LIMITS, read_whole, "N", "joins from one address; 0 for no limit"),
    Option("max_messages_per_minute", _LIMITS, read_whole, "N",
           "what one person may write to the others in a room; 0 for no limit"),
    Option("max_name_length", _LIMITS, read_whole, "N", "characters in a person's name"),
    Option("max_sdp_bytes", _LIMITS, read_whole, "BYTES", "size of an offer"),
    Option("max_unproven_datagrams", _LIMITS, read_whole, "N",
           "datagrams a second that are looked at of one IP address, of those that no participant's connection vouches "
           "for; 0 for no limit"),
    Option("max_unproven_percent", _LIMITS, read_percent, "PERCENT",
           "how much of the server's time all of those may take together; 100 for no limit"),
    Option("max_datagrams", _LIMITS, read_whole, "N",
           "datagrams a second of STUN, and of extraordinary packets of sound, from one participant, a tenth of it of "
           "DTLS, and a twentieth of authentic checks; 0 for no limit"),
    Option("max_read_time", _LIMITS, read_seconds, "SECONDS",
           "how long datagrams are read before other work has its turn"),
    Option("max_checks_per_connection", _LIMITS, read_whole, "N",
           "ICE connectivity checks to addresses that an offer names and that have not answered; with 0 only peers get "
           "in that check by themselves, as all but ICE-lite ones do"),
    Option("max_checks_per_candidate", _LIMITS, read_whole, "N",
           "of those, to one of the addresses; more for ICE-lite peers"),
    Option("max_checks_per_address", _LIMITS, read_whole, "N", "of those, a second to one IP address, of all offers"),
    Option("max_checks_per_second", _LIMITS, read_whole, "N", "of those, a second in total"),
    Option("max_connections", _LIMITS, read_whole, "N",
           "TCP connections open at one time, besides event streams and calls; of more, the ones go that wait"),
    Option("max_connections_per_address", _LIMITS, read_whole, "N",
           "of these from one address; 0 for no limit, and none behind a proxy"),
    Option("max_request_bytes_per_second", _LIMITS, read_whole, "BYTES",
           "bytes of requests that are read of one connection; two seconds' worth may come at once"),
    Option("header_timeout", _LIMITS, read_seconds, "SECONDS",
           "how long a request's header, or the handshake of HTTPS, may take"),
    Option("body_timeout", _LIMITS, read_seconds, "SECONDS", "how long a request's body may take"),
    Option("response_timeout", _LIMITS, read_seconds, "SECONDS",
           "how long it may take until a request is answered, and the client has the answer"),
    Option("keep_alive_timeout", _LIMITS, read_seconds, "SECONDS", "how long a connection waits for another request"),
    Option("max_calls", _LIMITS, read_whole, "N", "calls on media WebSockets in rooms at one time"),
    Option("max_calls_per_address", _LIMITS, read_whole, "N", "of these from one address; 0 for no limit"),
    Option("max_event_streams", _LIMITS, read_whole, "N", "event streams open at one time"),
    Option("max_event_streams_per_address", _LIMITS, read_whole, "N", "of these from one address; 0 for no limit"),
    Option("max_event_backlog", _LIMITS, read_whole, "N", "events that may wait for a slow reader until it is cut off"),
    Option("event_heartbeat", _LIMITS, read_seconds, "SECONDS", "longest silence on an event stream"),
    Option("event_history", _LIMITS, read_whole, "N",
           "events kept of each room, so that a reader who lost the stream goes on where it was"),
    Option("event_history_ttl", _LIMITS, read_seconds, "SECONDS", "how long those of a room that is gone are kept"),
    Option("twilio_default_room", _TWILIO, str, "ROOM", "the room of a phone call that names none"),
    Option("twilio_auth_token", _TWILIO, str, "TOKEN",
           "believe only what Twilio has signed with this; needs --public-url and pip install 'conference[twilio]'; "
           "better in the environment than here"),
    Option("max_call_frames_per_second", _TWILIO, read_whole, "N",
           "WebSocket frames of any kind that are read of one caller; two seconds' worth may come at once"),
    Option("max_call_bytes_per_second", _TWILIO, read_whole, "BYTES",
           "bytes of any kind that are read of one caller; two seconds' worth may come at once"),
    Option("max_call_message_bytes", _TWILIO, read_whole, "BYTES", "size of a caller's message"),
    Option("call_flood_timeout", _TWILIO, read_seconds, "SECONDS",
           "how long a caller may go on sending more than is read until the call is ended"),
    Option("webhooks", _WEBHOOKS, str, "URL", "tell this address what happens; can be repeated",
           name="webhook", many=True),
    Option("webhook_secret", _WEBHOOKS, str, "SECRET",
           "what webhooks are signed with: whsec_ and 24 to 64 random bytes in base64, or several separated by "
           "commas; better in the environment than here"),
    Option("webhook_events", _WEBHOOKS, str, "NAME",
           "send events of this name only; can be repeated (default: all but levels and those of talking)",
           name="webhook-event", many=True),
    Option("webhook_timeout", _WEBHOOKS, read_seconds, "SECONDS", "time for the answer"),
    Option("webhook_give_up", _WEBHOOKS, read_seconds, "SECONDS", "how long what did not arrive is tried again"),
    Option("webhook_queue", _WEBHOOKS, read_whole, "N", "events that may wait for one address; of more, the oldest go"),
    Option("phone_prompts", _PHONES, read_switch, "", "tell callers what happens to them (default: yes)"),
    Option("alone_prompt", _PHONES, one_of(ALONE), "WHO",
           f"who is told that they are the only one: {', '.join(ALONE)}"),
    Option("dtmf_menu", _PHONES, read_dtmf_menu, "FILE",
           'what keys do: a TOML file with lines like "*6" = "mute"; see docs/phones.md'),
    Option("key_timeout", _PHONES, read_seconds, "SECONDS", "longest time between two keys that belong together"),
    Option("pin_timeout", _PHONES, read_seconds, "SECONDS", "how long a caller may press nothing when asked for a PIN"),
    Option("pin_tries", _PHONES, read_whole, "N", "PINs that a caller may try before the call is ended"),
    Option("sounds", _PHONES, read_sound_folder, "FOLDER",
           "sounds that can be played: .wav, .ogg, .opus, .mp3, .flac; one of the name of a prompt is played in its "
           "place; can be repeated", many=True),
    Option("speech_command", _PHONES, read_command, "COMMAND",
           "a program that speaks people's names for --announce names, e.g. 'espeak-ng --stdout': it reads text and "
           "writes an audio file; without it, they are announced as somebody"),
    Option("max_sounds", _PHONES, read_whole, "N", "files in those folders"),
    Option("max_sound_seconds", _PHONES, read_seconds, "SECONDS", "length of each of them"),
    Option("capture", _CAPTURE, read_folder, "FOLDER",
           "write down everything that arrives in every room, and so everything that is said, one file for each room, "
           "for conference replay"),
    Option("capture_max_bytes", _CAPTURE, read_whole, "BYTES", "size at which the capture of a room ends"),
    Option("capture_total_bytes", _CAPTURE, read_whole, "BYTES",
           "size of all captures in the folder, older ones too, at which every capture ends; nothing is deleted"),
    Option("log_level", _PROGRAM, one_of(LOG_LEVELS), "LEVEL", f"how much to log: {', '.join(LOG_LEVELS)}"),
    Option("shutdown_timeout", _PROGRAM, read_seconds, "SECONDS", "time to end every call when the server is stopped"),
)  # fmt: skip
"""Every option there is, in the order of ``--help``."""

__all__ = ["OPTIONS", "PREFIX", "IceServerError", "Option", "Parser", "add_options", "make_settings"]
