"""What every request passes: bodies, origins, limits, problems."""
