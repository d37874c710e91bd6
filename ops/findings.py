"""What a preflight check reports, and why it may be unable to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# `look`: enough to start with, but a person should look at it.
Status = Literal["ok", "missing", "look"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One row: what was checked, what is needed, what the account has, and the remedy when that is not enough."""

    check: str
    needed: str
    have: str
    status: Status
    remedy: str = ""


class UnreachableError(RuntimeError):
    """A cloud that did not answer, or refused. The message is one line and names the remedy."""
