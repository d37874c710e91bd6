"""Services of the cluster that teams build on: storage."""
