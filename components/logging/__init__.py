"""Logs of all containers."""
