"""What a team is on the cluster: namespace, roles, network policies, Secrets."""
