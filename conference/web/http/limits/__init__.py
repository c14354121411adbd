"""How many of something there may be, and how often: each limit by itself, and nothing of HTTP."""
