"""Header fields that many answers have."""

from __future__ import annotations

FRESH = {"Cache-Control": "no-store"}
"""An answer holds now, and for whoever asked: no cache may keep it (RFC 9111, section 5.2.2.5)."""
