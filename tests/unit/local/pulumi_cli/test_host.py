"""The language host does not outlive the CLI that started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local.processes import start_time
from local.pulumi_cli.home import HOST

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")


def gone_within(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while start_time(pid) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


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
            deadline = time.monotonic() + 30
            while not port.read_text().strip():
                assert time.monotonic() < deadline, "the host said no port"
                time.sleep(0.1)
            # The shell passes no interrupt on, and the real CLI sends it to the host itself.
            os.kill(cli.pid if number == signal.SIGKILL else host, number)
            assert gone_within(host, 15)
        finally:
            for pid in (host, cli.pid):
                if start_time(pid) is not None:
                    os.kill(pid, signal.SIGKILL)
