"""Kueue and the queues of teams."""
