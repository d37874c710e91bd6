"""What the account of a stack lacks, before `pulumi up`: `python -m ops.preflight`."""
