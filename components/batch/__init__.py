"""Models that answer for existing data."""
