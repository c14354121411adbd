"""Many processes as one conference: what rooms decide goes through a log that all share, and sound goes straight."""
