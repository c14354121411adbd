"""Packets out: the table of all streams that are sent, and one stream's way from its mix."""
