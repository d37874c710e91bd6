"""What a managed Kubernetes brings along, and the simulated GPU nodes."""
