"""Tools of those who operate the platform, and of CI. Each is a command:

- `python -m ops.touched`: which stacks a change touches
- `python -m ops.comment`: the pull-request comment of recorded previews
- `python -m ops.cost`: what a stack costs in a month
- `python -m ops.preflight`: what the account of a stack lacks before the first `pulumi up`
- `python -m ops.aws.prices`: refreshes the price table of AWS

`ops/aws/` holds what is particular to AWS; the rest knows clouds only by the tables that list them.
"""
