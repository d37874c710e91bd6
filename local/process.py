"""Running other programs: output goes to a log, failures become a `Failure` that names it."""

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from local.errors import Failure


def last_line(log: Path) -> str:
    """The last line of a log that says something, for a one-line failure message."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else "no output"


def run(
    command: Sequence[str | os.PathLike[str]],
    *,
    log: Path,
    what: str,
    remedy: str,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    on_line: Callable[[str], None] | None = None,
) -> None:
    """Run `command` with its output appended to `log`; each line is also handed to `on_line`.

    Raises `Failure` with `what`, the last line of the output and `remedy` when it does not exit with 0.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as sink:
        sink.write(f"$ {' '.join(os.fspath(word) for word in command)}\n")
        sink.flush()
        try:
            with subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env=None if env is None else dict(env),
                cwd=cwd,
            ) as process:
                assert process.stdout is not None
                for line in process.stdout:
                    sink.write(line)
                    sink.flush()
                    if on_line:
                        on_line(line.rstrip("\n"))
        except FileNotFoundError as missing:
            raise Failure(f"{what}: {missing.filename} is not installed", remedy) from None
    if process.returncode != 0:
        raise Failure(f"{what}: {last_line(log)}", remedy, log)


def output(command: Sequence[str | os.PathLike[str]], *, env: Mapping[str, str] | None = None) -> str:
    """The standard output of a command that must succeed."""
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=None if env is None else dict(env))
    return done.stdout
