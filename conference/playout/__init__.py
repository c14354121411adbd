"""One source's packets to frames: receive gate, jitter buffer, delay, time-stretching. No I/O, no clock."""
