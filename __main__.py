"""The program of every stack: load its config, build what it says, export what came of it."""

import pulumi

from stacks.environment import build
from stacks.loading import load_environment

for name, value in build(load_environment()).items():
    pulumi.export(name, value)
