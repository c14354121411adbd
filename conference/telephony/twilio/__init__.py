"""What only Twilio does: the messages of Media Streams, and TwiML."""
