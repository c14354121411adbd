"""Rooms: who is here, and one tick. Synchronous; time is handed in; no I/O."""
