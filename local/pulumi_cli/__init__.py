"""The Pulumi CLI on stacks of this machine, with a state and a login of their own."""
