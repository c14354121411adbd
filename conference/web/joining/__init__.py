"""How a request or a call becomes a participant of a room, and how it ends."""
