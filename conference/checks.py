"""Whether single settings make sense: addresses, origins, PINs, files."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from urllib.parse import urlsplit

from conference.room.conference import check_room_name
from conference.room.errors import InvalidRoomName


class SettingsError(ValueError):
    """Two settings contradict each other, or one is out of range; the text is a sentence for people."""


def option_name(field: str) -> str:
    """The name of a setting as people write it: ``udp_port`` is ``udp-port``."""
    return field.replace("_", "-")


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


def check_address(text: str) -> None:
    """Refuse what peers cannot send sound to.

    Raises:
        SettingsError: it is no address of a host.
    """
    address = ipaddress.ip_address(text) if is_address(text) else None
    if address is None or address.is_unspecified or address.is_multicast:
        raise SettingsError(f"announce-ip must be an IP address that peers can reach, not '{text}'.")


def read_secret(path: Path) -> str:
    """What a file holds, without the line's end.

    Raises:
        SettingsError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"secret-file: no text can be read from {path}.") from None


def check_pin(room: str, pin: str) -> None:
    """Refuse what no telephone can key in, or is for no room.

    Raises:
        SettingsError: with what would be right, and without the PIN.
    """
    try:
        check_room_name(room)
    except InvalidRoomName as error:
        raise SettingsError(f"pin: {error}.") from None
    if not re.fullmatch("[0-9]{4,12}", pin):
        raise SettingsError(f"The pin of room {room} must be 4 to 12 digits, as telephones have them.")


def check_origin(field: str, text: str) -> None:
    """Refuse what is not scheme, host and port.

    Raises:
        SettingsError: with the name of the setting.
    """
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    extra = parts.path.strip("/") or parts.query or parts.fragment or parts.username
    if parts.scheme not in ("http", "https") or not parts.hostname or extra:
        raise SettingsError(f"{option_name(field)} must look like https://talk.example.org, not '{text}'.")


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
