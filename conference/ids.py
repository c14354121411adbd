"""Names that nobody can guess, for participants and ICE sessions."""

from __future__ import annotations

import secrets


def new_id() -> str:
    """A fresh identifier: 16 hexadecimal digits, 64 random bits, safe in URLs, headers and labels."""
    return secrets.token_hex(8)
