"""The stack of an environment: a cluster, its services and its teams."""
