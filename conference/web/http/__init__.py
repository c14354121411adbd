"""What every request passes: who asks, bodies, origins, limits, problems."""
