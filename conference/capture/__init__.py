"""Captures: what arrived in a room, written down so that it can be run through the same code again, bit for bit."""
