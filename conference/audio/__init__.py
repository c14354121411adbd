"""Pure sound: frames in, frames out. NumPy only; no I/O, no clock, no randomness."""
