"""Recordings in an object storage: where that is, how it is spoken to, and how recordings get there."""
