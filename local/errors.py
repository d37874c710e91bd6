"""The one exception that a command shows to a person."""

from pathlib import Path


class Failure(Exception):  # noqa: N818  (it is what the user reads, not an internal error)
    """Something a person can act on: what failed, what to do, and which log has the rest.

    `code`: the exit code of the program that failed, if one did.
    """

    def __init__(self, what: str, remedy: str, log: Path | None = None, *, code: int | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.log = log
        self.code = code

    def __str__(self) -> str:
        line = f"{self.what}; {self.remedy}"
        return f"{line}; log: {self.log}" if self.log else line
