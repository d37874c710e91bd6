"""One part of a run: how it ends, what is shown of it, and what an interrupt or a time limit does to it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.paths import ROOT
from local.progress import Steps
from local.suite import parts
from local.suite.results import read_report
from local.waiting import wait_until

#: Without the project's settings: these tests are of a folder of their own.
OWN = ("-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir")
SLOW = """
import pathlib, time, pytest

@pytest.fixture
def cluster():
    yield
    time.sleep(1)
    pathlib.Path({stopped!r}).touch()

def test_slow(cluster):
    pathlib.Path({begun!r}).touch()
    time.sleep(60)
"""


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Steps]:
    """Parts that keep their logs and reports in the test's own folder."""
    monkeypatch.setattr(parts, "LOCAL", tmp_path / ".local")
    # Half of the start of a pytest, and none of them is needed.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    with Steps() as steps:
        yield steps


def test_a_part_whose_tests_pass(tmp_path: Path, steps: Steps) -> None:
    (tmp_path / "test_it.py").write_text("def test_it(): pass\n")
    part = parts.run_tests("small", (*OWN, str(tmp_path), str(tmp_path)), steps)
    assert (part.outcome, part.complete, part.why) == ("passed", True, "")
    assert [result.outcome for result in read_report(parts.report_of("small"))] == ["passed"]


def test_a_failed_test_does_not_make_a_part_incomplete(tmp_path: Path, steps: Steps) -> None:
    (tmp_path / "test_it.py").write_text("def test_it(): assert False\n\ndef test_more(): pass\n")
    part = parts.run_tests("small", (*OWN, str(tmp_path), str(tmp_path)), steps)
    assert (part.outcome, part.complete, part.why) == ("failed", True, "log: .local/log/small.log")
    assert sorted(result.outcome for result in read_report(parts.report_of("small"))) == ["failed", "passed"]


def test_a_part_that_cannot_be_collected_is_incomplete(tmp_path: Path, steps: Steps) -> None:
    (tmp_path / "test_it.py").write_text("import nothing_of_this_name\n")
    part = parts.run_tests("small", (*OWN, str(tmp_path), str(tmp_path)), steps)
    assert (part.outcome, part.complete) == ("failed", False)


def test_a_part_that_hangs_is_ended_and_cleans_up(tmp_path: Path, steps: Steps) -> None:
    stopped, begun = tmp_path / "stopped", tmp_path / "begun"
    (tmp_path / "test_slow.py").write_text(SLOW.format(stopped=str(stopped), begun=str(begun)))
    for seconds in (2, 10, 40):
        part = parts.run_tests("slow", (*OWN, str(tmp_path), str(tmp_path)), steps, seconds=seconds)
        assert (part.outcome, part.complete) == ("failed", False)
        assert part.why.startswith("ended after ")
        if begun.exists():  # on a busy machine the first may end before its test begins
            break
    assert stopped.exists()


def test_an_interrupted_run_lets_pytest_stop_the_cluster(tmp_path: Path) -> None:
    stopped, begun = tmp_path / "stopped", tmp_path / "begun"
    (tmp_path / "test_slow.py").write_text(SLOW.format(stopped=str(stopped), begun=str(begun)))
    program = f"""
import pathlib, signal
from local import process
from local.progress import Steps
from local.suite import parts
process.interrupt_on((signal.SIGTERM,))
parts.LOCAL = pathlib.Path({str(tmp_path / ".local")!r})
words = ({", ".join(map(repr, (*OWN, str(tmp_path), str(tmp_path))))})
with Steps() as steps:
    process.side_by_side(lambda: parts.run_tests("slow", words, steps))
"""
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.DEVNULL) as command:
        try:
            assert wait_until(begun.exists, 60), "the test did not begin"
            command.terminate()
            assert command.wait(timeout=60) != 0
        finally:
            command.kill()
    assert stopped.exists()


def test_what_is_shown_of_a_failed_run_is_its_report() -> None:
    log = "collected 2 items\ntest_a PASSED\n\n===== FAILURES =====\n___ test_b ___\n===== 1 failed, 1 passed ====="
    assert parts.failing_part(log).startswith("===== FAILURES =====\n___ test_b")
    assert parts.failing_part("\n".join(map(str, range(100)))) == "\n".join(map(str, range(60, 100)))


def test_what_did_not_run_is_named_with_its_reason() -> None:
    log = "tests/a.py::test_x SKIPPED (no GPU)\n== short test summary info ==\nSKIPPED [1] tests/a.py:3: no GPU\n"
    assert parts.skipped(log) == ["SKIPPED [1] tests/a.py:3: no GPU"]
