"""Who may do what on a server."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from conference.options.declaration import seconds, several, switch, value, whole
from conference.options.groups import ACCESS, TWILIO
from conference.options.readers import read_file, read_pin
from conference.settings.checks import check_pin, check_twilio_room


@dataclass(frozen=True)
class AccessSettings:
    """Tokens, PINs and signatures."""

    secret: str | None = value(
        None, ACCESS, "ask everybody for a token signed with this: 32 random characters or more, which conference "
        "token signs with, too; better in the environment than here. Several separated by commas: the first signs",
        "TEXT", secret=True,
    )  # fmt: skip
    secret_file: Path | None = value(None, ACCESS, "a file that holds the secret", "FILE", read_file)
    """It is read once."""

    open: bool = switch(
        False, ACCESS, "without a secret, let everybody who reaches this server do everything: only for a network that "
        "you trust",
    )  # fmt: skip
    pins: tuple[tuple[str, str], ...] = several(
        ACCESS, "4 to 12 digits that let people without a token into a room; can be repeated", "ROOM=PIN", "pin",
        read_pin, check=check_pin, secret=True,
    )  # fmt: skip
    pin_token_ttl: float = seconds(
        43_200.0, ACCESS, "how long somebody who gave a PIN may come and go", (60, 31_536_000)
    )  # fmt: skip
    max_pin_guesses_per_minute: int = whole(
        10, ACCESS, "wrong PINs from one address; 0 for no limit", (0, 1_000_000), beyond="429"
    )  # fmt: skip
    """All at once or spread."""

    max_pin_guesses_per_room: int = whole(
        20, ACCESS, "wrong PINs a minute for one room, from wherever; 0 for no limit", (0, 1_000_000), beyond="429"
    )  # fmt: skip
    open_metrics: bool = switch(
        False, ACCESS, "give /metrics to everybody, for Prometheus in a network of yours"
    )  # fmt: skip

    twilio_default_room: str = value(
        "lobby", TWILIO, "the room of a phone call that names none", "ROOM", check=check_twilio_room
    )  # fmt: skip
    twilio_auth_token: str | None = value(
        None, TWILIO, "believe only what Twilio has signed with this; needs --public-url and pip install "
        "'conference[twilio]'; better in the environment than here", "TOKEN", secret=True,
    )  # fmt: skip
