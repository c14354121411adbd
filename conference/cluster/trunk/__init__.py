"""The sound of people whom other nodes serve: what talkers send, as it came, from node to node.

Who is in which room, and on which node, comes from the rooms' logs; a trunk decides nothing, and asks nobody. Nothing
is decoded or encoded on the way: what a peer has sent goes to each node that has people of the room, once, and comes
there to a source as it would from the peer itself, with a receive gate and a jitter buffer of its own.
"""
