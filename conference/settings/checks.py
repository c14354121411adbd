"""Whether single settings make sense: addresses, origins, PINs, files."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from urllib.parse import urlsplit

from conference.options.declaration import SettingsError as SettingsError
from conference.room.conference import check_room_name
from conference.room.errors import InvalidRoomName


def is_address(text: str) -> bool:
    """Whether it is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def check_host(text: str) -> None:
    """Refuse what one cannot listen on; nothing at all would mean every address.

    Raises:
        SettingsError: it is neither an IP address nor a name.
    """
    if not is_address(text) and not re.fullmatch(r"[\w.-]+", text):
        raise SettingsError(f"host must be an address to listen on, like 127.0.0.1 or 0.0.0.0, not '{text}'.")


def read_secret(path: Path) -> str:
    """What a file holds, without the line's end.

    Raises:
        SettingsError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"secret-file: no text can be read from {path}.") from None


def check_pin(given: tuple[str, str]) -> None:
    """Refuse what no telephone can key in, or is for no room.

    Raises:
        SettingsError: with what would be right, and without the PIN.
    """
    room, pin = given
    try:
        check_room_name(room)
    except InvalidRoomName as error:
        raise SettingsError(f"pin: {error}.") from None
    if not re.fullmatch("[0-9]{4,12}", pin):
        raise SettingsError(f"The pin of room {room} must be 4 to 12 digits, as telephones have them.")


_ORIGIN = re.compile(r"(https?)://(\[[0-9A-F:.]+\]|[\w.-]+)(?::([0-9]{1,5}))?/?", re.ASCII | re.IGNORECASE)
_USUAL_PORTS = {"http": "80", "https": "443"}


def check_origin(option: str, text: str) -> None:
    """Refuse what is not scheme, host and port.

    Raises:
        SettingsError: with the name of the option.
    """
    try:
        usual = _ORIGIN.fullmatch(text) is not None and bool(urlsplit(text).hostname)
        _ = urlsplit(text).port
    except ValueError:  # brackets around something else than an IPv6 address, or a port beyond 65535
        usual = False
    if not usual:
        raise SettingsError(f"{option} must look like https://talk.example.org, not {text!r}.")


def origin_of(text: str) -> str:
    """An origin as browsers write it (RFC 6454, section 6.2): in small letters, without a slash and the usual port."""
    found = _ORIGIN.fullmatch(text)
    if found is None:
        return text
    scheme, host, port = found[1].lower(), found[2].lower(), found[3]
    usual = port is None or port.lstrip("0") == _USUAL_PORTS[scheme]
    return f"{scheme}://{host}" if usual else f"{scheme}://{host}:{int(port)}"


def check_allowed_origin(text: str) -> None:
    """Refuse what is neither an origin nor ``*`` for all.

    Raises:
        SettingsError: with what it must look like.
    """
    if text != "*":
        check_origin("allow-origin", text)


def check_twilio_room(name: str) -> None:
    """Refuse what is no room's name.

    Raises:
        SettingsError: with what would be.
    """
    try:
        check_room_name(name)
    except InvalidRoomName:
        raise SettingsError(
            "twilio-default-room must be 1 to 64 letters, digits, dots, underscores or hyphens, "
            f"and more than a dot or two, not '{name}'."
        ) from None


def check_webhook(url: str) -> None:
    """Refuse what nothing can be posted to.

    Raises:
        SettingsError: without the address, which may hold a secret.
    """
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and not parts.fragment
        (parts.hostname or "").encode("idna")  # as whoever looks it up does, where an error would be too late
    except ValueError:
        good = False
    if not good or not url.isprintable() or " " in url:  # which is not repeated: it may hold a secret
        raise SettingsError("webhook must look like https://hooks.example.org/conference.")
