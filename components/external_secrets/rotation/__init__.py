"""Rolls servers when a Secret of theirs was changed by somebody else than the stack."""
