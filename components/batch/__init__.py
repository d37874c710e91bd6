"""Models that answer for data that is there already."""
