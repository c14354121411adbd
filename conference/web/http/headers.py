"""Header fields that many answers have."""

from __future__ import annotations

FRESH = {"Cache-Control": "no-store"}
"""What is told is so now, to whoever asked: nobody keeps it (RFC 9111, section 5.2.2.5)."""
