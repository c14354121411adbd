"""ICE (RFC 8445) and STUN (RFC 8489) over the shared port."""
