"""`make outputs` and `make env`: what another program reads."""

import json
import sys

from local.commands.prepare import existing_pulumi


def outputs(stack: str) -> None:
    """The stack outputs as JSON on stdout, and nothing else there."""
    json.dump(existing_pulumi(stack).outputs(), sys.stdout, indent=2, sort_keys=True)
    sys.stdout.write("\n")


def show_environment(stack: str) -> None:
    """The shell lines that make plain `pulumi` and `kubectl` work on the stack."""
    pulumi = existing_pulumi(stack)
    pulumi.ensure_stack()
    sys.stdout.write((pulumi.instance.folder / "env").read_text())
