"""Prometheus' own judge of rules: `promtool`, from the mirror's tools or from PATH."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

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
    return subprocess.run([program, *words], capture_output=True, text=True, check=False, timeout=120)


def write(path: Path, content: Any) -> Path:
    path.write_text(yaml.safe_dump(content, sort_keys=False, width=4096), encoding="utf-8")
    return path
