"""Trains the digits with Open MPI, data-parallel."""
