"""A conference in real time, whoever lets people in: the clock, the media, and what keeps ticks on time. No HTTP."""
