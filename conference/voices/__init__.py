"""The audio socket, without its socket: each voice of a room apart, and a voice to answer with."""
