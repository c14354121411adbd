"""Session descriptions: the grammar, an offer as understood, the answer, and candidates."""
