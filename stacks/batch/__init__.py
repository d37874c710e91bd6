"""The `batch` entries of teams."""
