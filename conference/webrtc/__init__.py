"""WebRTC participants: the only folder that imports aiortc and aioice."""
