"""Being in a room of a server that runs elsewhere: the way in, and the way back after a connection is lost."""
