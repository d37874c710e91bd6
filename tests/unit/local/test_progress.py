"""The display of long work, on a terminal and without one."""

from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from local.progress import Steps


def test_a_note_may_have_brackets() -> None:
    """Pulumi and Kubernetes write them; the display takes them for no markup."""
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120)
    with Steps(console) as steps, steps.step("pulumi up") as step:
        step.note = "mount [/var/lib] [red]"
        deadline = time.monotonic() + 10
        while "[/var/lib] [red]" not in screen.getvalue() and time.monotonic() < deadline:
            time.sleep(0.05)
    assert "[/var/lib] [red]" in screen.getvalue()


@pytest.mark.parametrize(("fails", "outcome"), [(False, "ok"), (True, "failed")])
def test_without_a_terminal_each_step_says_how_it_ended(fails: bool, outcome: str) -> None:
    screen = io.StringIO()
    with Steps(Console(file=screen, width=120)) as steps:
        try:
            with steps.step("image trainer"):
                if fails:
                    raise OSError("no space left")
        except OSError:
            assert fails
    begun, ended = screen.getvalue().splitlines()
    assert "image trainer" in begun
    assert ended.split()[0] == outcome
    assert set(steps.timings) == {"image trainer"}
