"""The media WebSocket, in both roles: a caller's leg in our room, and the client that plays the provider."""
