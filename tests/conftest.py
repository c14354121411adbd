"""For all tests: properties are judged by what holds, not by how long a busy machine takes."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("conference", deadline=None)
settings.load_profile("conference")
