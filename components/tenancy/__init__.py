"""What a team gets on a cluster: its namespace, access and limits."""
