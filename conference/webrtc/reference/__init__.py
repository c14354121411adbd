"""Participants over aiortc's own `RTCPeerConnection`, by its public API alone: the small, readable reference."""
