"""What a load test saw, as figures, tables and charts."""
