"""A stack of one team's workloads, on an environment of another stack."""
