"""Many peers of a load test as rows of tables."""
