"""Being in a room from a terminal: what is said and kept there, how it ends, and how a lost connection is mended."""
