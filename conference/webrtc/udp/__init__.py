"""The one UDP port: sockets, reading in batches, and whose datagram is whose."""
