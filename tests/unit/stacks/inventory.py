"""The URNs of a stack, checked in beside this file: what is renamed or re-parented by accident shows in
review.

python -m tests.unit.stacks.inventory dev     writes the inventory of a stack anew
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from tests.unit.aws.engine import STACKS as AWS_STACKS
from tests.unit.aws.engine import deployed
from tests.unit.recorder import without_versions
from tests.unit.stacks.programs import deploy_config, kubeconfig_text, stack_config

STACKS = ("dev", *AWS_STACKS)


def inventory_path(stack: str) -> Path:
    return Path(__file__).parent / f"{stack}.urns"


def inventory(stack: str) -> str:
    """The sorted URNs of a stack file of this repository, one a line, without the versions of what Jobs run."""
    run = deployed(stack) if stack in AWS_STACKS else deploy_config(stack_config(stack), stack=stack)
    return "".join(f"{urn}\n" for urn in sorted(map(without_versions, run.graph.urns())))


def main() -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as kubeconfig:
        kubeconfig.write(kubeconfig_text())
        kubeconfig.flush()
        os.environ["ML_PLATFORM_KUBECONFIG"] = kubeconfig.name
        for stack in sys.argv[1:] or STACKS:
            inventory_path(stack).write_text(inventory(stack), encoding="utf-8")


if __name__ == "__main__":
    main()
