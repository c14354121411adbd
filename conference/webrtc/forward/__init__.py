"""Packets on: those that are only forwarded go from the receive table to the send table without a look at each."""
