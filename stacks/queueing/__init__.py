"""The `queueing` section and the queues of teams."""
