"""The embedded cluster: a real Kubernetes on this machine, and the commands behind `make`.

Nothing in `components/` or `stacks/` imports this package.
"""
