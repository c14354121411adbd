"""Mixes: whom of many talkers they hold, which listeners hear the same one, and one encoder for each."""
