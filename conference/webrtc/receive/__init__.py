"""Packets in: the table of all streams that are received, and one stream's way to its source."""
