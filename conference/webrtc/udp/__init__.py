"""The one UDP port: sockets, reading in batches, and whose stream comes from which address.

Whose all other datagrams are, `webrtc.endpoints` knows.
"""
