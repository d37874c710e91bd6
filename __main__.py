"""The program of every stack: load its config, build what it says, export what came of it."""

import pulumi

from stacks import environment, team_stack
from stacks.config import Environment
from stacks.loading import load_stack

stack = load_stack()
outputs = environment.build(stack) if isinstance(stack, Environment) else team_stack.build(stack)
for name, value in outputs.items():
    pulumi.export(name, value)
