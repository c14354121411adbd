"""Twilio Media Streams, both roles: a caller's leg in our room, and the client that plays Twilio."""
