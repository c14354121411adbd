"""What Twilio says: the messages of Media Streams and how to read and write them, and TwiML. No stream, no socket."""
