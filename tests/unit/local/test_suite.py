"""The sum of several pytest runs, and what an interrupt does to one."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from local.paths import ROOT
from local.suite import report, skipped, totals


def test_the_counts_of_all_runs_are_added(tmp_path: Path) -> None:
    first, second = tmp_path / "1.xml", tmp_path / "2.xml"
    first.write_text('<testsuites><testsuite tests="10" failures="1" errors="1" skipped="2"/></testsuites>')
    second.write_text('<testsuites><testsuite tests="5" failures="0" errors="0" skipped="0"/></testsuites>')
    assert totals([first, second]) == "11 passed, 2 failed, 2 skipped"


def test_what_is_shown_of_a_failed_run_is_its_report() -> None:
    log = "collected 2 items\ntest_a PASSED\n\n===== FAILURES =====\n___ test_b ___\n===== 1 failed, 1 passed ====="
    assert report(log).startswith("===== FAILURES =====\n___ test_b")
    assert report("\n".join(map(str, range(100)))) == "\n".join(map(str, range(60, 100)))


def test_what_did_not_run_is_named_with_its_reason() -> None:
    log = "tests/a.py::test_x SKIPPED (no GPU)\n== short test summary info ==\nSKIPPED [1] tests/a.py:3: no GPU\n"
    assert skipped(log) == ["SKIPPED [1] tests/a.py:3: no GPU"]


def test_an_interrupted_run_lets_pytest_stop_the_cluster(tmp_path: Path) -> None:
    (tmp_path / "test_slow.py").write_text(f"""
import pathlib, time, pytest

@pytest.fixture
def cluster():
    yield
    time.sleep(1)
    pathlib.Path({str(tmp_path / "stopped")!r}).touch()

def test_slow(cluster):
    pathlib.Path({str(tmp_path / "begun")!r}).touch()
    time.sleep(60)
""")
    program = f"""
import pathlib, signal
from local import process, suite
from local.progress import Steps
process.interrupt_on((signal.SIGTERM,))
suite.LOCAL = pathlib.Path({str(tmp_path)!r})
suite.PHASES = {{"slow": ["-p", "no:cacheprovider", "--rootdir", {str(tmp_path)!r}, {str(tmp_path)!r}]}}
with Steps() as steps:
    process.side_by_side(lambda: suite.phase("slow", steps))
"""
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.DEVNULL) as command:
        deadline = time.monotonic() + 30
        while not (tmp_path / "begun").exists():
            assert time.monotonic() < deadline, "the test did not begin"
            time.sleep(0.1)
        command.terminate()
        assert command.wait(timeout=30) != 0
    assert (tmp_path / "stopped").exists()
