"""The kinds of clusters, one folder each, and what all of them have in common."""
