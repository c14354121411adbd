"""DTLS-SRTP (RFC 5764): certificate, handshake, keys."""
