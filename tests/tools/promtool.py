"""Prometheus' own judge of rules: `promtool`, from the mirror's tools or from PATH."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from local.paths import cache_folder


def find() -> Path | None:
    """The program that `make mirror` built, the newest one; else the one on PATH."""
    built = sorted((cache_folder() / "tools").glob("prometheus-v*/promtool"), key=lambda path: path.stat().st_mtime)
    found = built[-1] if built else shutil.which("promtool")
    return Path(found) if found else None


needed = pytest.mark.skipif(find() is None, reason="promtool is not built: make mirror ENTRIES=prometheus")


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    program = find()
    assert program is not None
    return subprocess.run([program, *words], capture_output=True, text=True, check=False, timeout=600)


def write(path: Path, content: Any) -> Path:
    path.write_text(yaml.safe_dump(content, sort_keys=False, width=4096), encoding="utf-8")
    return path


def test_rules(files: Sequence[Path]) -> dict[str, str]:
    """Runs files of unit tests of one folder: by the name of each what promtool found wrong, empty when it is sound."""
    report = files[0].with_name("report.xml")
    done = run("test", "rules", f"--junit={report}", *files)
    suites = ElementTree.parse(report).getroot()  # noqa: S314  (promtool's own report)
    found = {
        Path(suite.attrib["name"]).stem: "".join(failure.text or "" for failure in suite.iter("failure"))
        for suite in suites
    }
    assert set(found) == {file.stem for file in files}, done.stdout + done.stderr
    return found
