"""Who asks for something, and whether they may."""
