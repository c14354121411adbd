"""What rooms and callers are played: spoken prompts, tones, music, and an operator's own files, by name."""
