"""Which way imports may point: `python -m tests.imports` checks the contracts of pyproject.toml (import-linter)."""

from __future__ import annotations

import sys

from importlinter.cli import lint_imports

if __name__ == "__main__":
    sys.exit(lint_imports(config_filename="pyproject.toml", no_cache=True, no_logo=True))
