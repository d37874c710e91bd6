"""The embedded cluster of this machine."""
