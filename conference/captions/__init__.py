"""What was said, in words: who speaks is known, since each voice is recognised apart; see docs/captions.md."""
