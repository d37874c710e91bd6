"""The `teams` entries: tenancy, quotas, network and Secrets."""
