"""Participants of a load test, one by one: connections that cost next to nothing."""
