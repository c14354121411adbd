"""Makes the helpers beside the tests importable: `tones`, and each folder's own fakes."""
