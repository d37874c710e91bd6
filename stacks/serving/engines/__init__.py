"""The kinds of serving, one module each."""
