"""From a request to somebody in a room, and back."""
