"""What is particular to AWS: prices, preflight checks of an account, and which resources hold data."""
