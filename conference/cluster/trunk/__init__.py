"""The sound of people whom other nodes serve: what talkers send, as it came, from node to node."""
