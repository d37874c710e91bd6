"""What a stack makes for its teams: each one's place on the cluster, and its workloads there."""
