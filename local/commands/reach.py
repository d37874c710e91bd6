"""How a command reaches a model server: by its address on the embedded cluster, through the API server on others."""

import re
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from local.errors import Failure
from local.pulumi_cli.cli import Pulumi

#: The port of every server's Service.
SERVICE_PORT = 80
FORWARDED = re.compile(r"Forwarding from (127\.0\.0\.1:\d+)")


def forward_command(server: Mapping[str, Any], port: str = "") -> list[str]:
    """What gives the server a port of this machine; a free one without `port`."""
    service = f"service/{server['service']}"
    return ["kubectl", "port-forward", "--namespace", server["namespace"], service, f"{port}:{SERVICE_PORT}"]


@contextmanager
def reached(pulumi: Pulumi, server: Mapping[str, Any]) -> Generator[str]:
    """An address at which this machine reaches the server until the block ends. `server` is one of the outputs."""
    if pulumi.embedded:
        yield server["url"]
        return
    command = [*forward_command(server), "--address", "127.0.0.1"]
    with subprocess.Popen(
        command, env=pulumi.cluster_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            found = FORWARDED.search(first)
            if found is None:
                raise Failure(
                    f"{server['namespace']}/{server['service']} cannot be reached: {first.strip()}", "see 'make status'"
                )
            yield f"http://{found[1]}"
        finally:
            process.terminate()
