"""External Secrets: the operator, the Secrets of teams, and their rotation."""
