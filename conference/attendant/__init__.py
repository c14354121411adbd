"""Who looks after a conference: greets callers, says what happens to them, takes their keys, plays tones and music."""
