"""The `logging` section: the logs of all containers."""
