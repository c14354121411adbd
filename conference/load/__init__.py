"""Load tests: participants that cost next to nothing, and what a server does under their load."""
