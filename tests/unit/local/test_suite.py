"""The sum of several pytest runs."""

from __future__ import annotations

from pathlib import Path

from local.suite import totals


def test_the_counts_of_all_runs_are_added(tmp_path: Path) -> None:
    first, second = tmp_path / "1.xml", tmp_path / "2.xml"
    first.write_text('<testsuites><testsuite tests="10" failures="1" errors="1" skipped="2"/></testsuites>')
    second.write_text('<testsuites><testsuite tests="5" failures="0" errors="0" skipped="0"/></testsuites>')
    assert totals([first, second]) == "11 passed, 2 failed, 2 skipped"
