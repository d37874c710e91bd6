"""Which Pulumi a command uses: the one on PATH, or one that is built."""

import os
import re
import shutil
from pathlib import Path

from local import process
from local.errors import Failure
from local.paths import LOCAL
from local.toolchain.tool import Tool
from local.toolchain.tools import PULUMI_CLI, PULUMI_KUBERNETES, PULUMI_PROVIDER

CLI_MINIMUM = (3, 200)
#: The folder of the Kubernetes provider below `plugins` of a Pulumi home, and its program.
PLUGIN = f"resource-kubernetes-{PULUMI_KUBERNETES}"
PLUGIN_PROGRAM = PULUMI_PROVIDER.programs[0]


def installed_cli() -> Path | None:
    """Pulumi from PATH when it is new enough and has its Python language host beside it."""
    program = shutil.which("pulumi")
    # After `source .local/dev/env` the one on PATH is ours: built, and as new as its pin says.
    if program is None or shutil.which("pulumi-language-python") is None or Path(program).is_relative_to(LOCAL):
        return None
    try:
        version = process.output([program, "version"], env=os.environ | {"PULUMI_SKIP_UPDATE_CHECK": "true"})
    except Failure:
        return None
    match = re.match(r"v?(\d+)\.(\d+)", version)
    return Path(program) if match and (int(match[1]), int(match[2])) >= CLI_MINIMUM else None


def tools_to_build() -> tuple[Tool, ...]:
    """The tools that Pulumi itself needs built: none where the machine has a Pulumi with the provider's plugin."""
    if installed_cli() is None:
        return (PULUMI_PROVIDER, PULUMI_CLI)
    return () if users_plugin().is_dir() else (PULUMI_PROVIDER,)


def users_plugin() -> Path:
    """The folder of the Kubernetes provider that the user has installed, if it is there."""
    return Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi") / "plugins" / PLUGIN
