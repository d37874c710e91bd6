"""The language host does not outlive the CLI that started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from local.processes import start_time
from local.pulumi_cli.home import HOST
from local.waiting import wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["killed-cli", "interrupted-host"])
def test_the_host_ends_with_the_cli(tmp_path: Path, number: signal.Signals) -> None:
    # A shell in the place of the CLI: it starts the host, says which process that is, and waits.
    port = tmp_path / "port"
    port.touch()
    script = f"'{sys.executable}' '{HOST}' > '{port}' & echo $!; wait"
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, text=True) as cli:
        assert cli.stdout is not None
        host = int(cli.stdout.readline())
        try:
            assert wait_until(lambda: port.read_text().strip(), 30), "the host said no port"
            # The shell passes no interrupt on, and the real CLI sends it to the host itself.
            os.kill(cli.pid if number == signal.SIGKILL else host, number)
            assert wait_until(lambda: start_time(host) is None, 15)
        finally:
            for pid in (host, cli.pid):
                if start_time(pid) is not None:
                    os.kill(pid, signal.SIGKILL)
