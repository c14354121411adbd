"""The streams of other providers than Twilio: what their messages mean, and how to write them. No stream, no socket."""
