"""Trains the digits with Ray, data-parallel."""
