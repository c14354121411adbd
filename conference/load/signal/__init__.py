"""What the participants of a load test say, and how it is found again."""
