"""The `serving` entries of teams."""
