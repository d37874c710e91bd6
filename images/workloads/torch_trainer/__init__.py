"""Trains the digits with PyTorch, data-parallel on CPUs."""
