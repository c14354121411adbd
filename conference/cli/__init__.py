"""The commands of ``conference``."""
