"""HTTP: joining and leaving, events, the Twilio-compatible WebSocket, the page."""
