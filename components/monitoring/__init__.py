"""Metrics, alerts and their rules: what tells people that a service of the platform or of a team needs them."""
