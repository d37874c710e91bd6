"""The program of every stack: load its config, build what it says, export what came of it."""

import pulumi

from stacks.environment import build as environment
from stacks.environment.config import Environment
from stacks.loading import load_stack
from stacks.team_stack import build as team_stack

stack = load_stack()
outputs = environment.build(stack) if isinstance(stack, Environment) else team_stack.build(stack)
for name, value in outputs.items():
    pulumi.export(name, value)
