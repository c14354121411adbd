"""The commands: serve, join, call."""
