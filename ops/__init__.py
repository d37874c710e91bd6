"""Tools of those who operate the platform: cost estimate, preflight checks, pull-request comment.

Each is a command: `python -m ops.cost`, `python -m ops.prices`, `python -m ops.preflight`, `python -m ops.comment`.
"""
