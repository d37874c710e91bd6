"""The `training` entries of teams."""
