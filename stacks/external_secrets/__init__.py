"""The `externalSecrets` section: Secrets of teams from a secret store."""
