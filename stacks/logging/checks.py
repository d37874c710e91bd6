"""The rule between the `logging:` section and what the embedded cluster has."""

from __future__ import annotations

from collections.abc import Iterator

from stacks.catalog.config import Mirror
from stacks.language.faults import Fault
from stacks.logging.config import Logging


def mirror_faults(logging: Logging | None, embedded: bool, mirror: Mirror) -> Iterator[Fault]:
    """Logs on the embedded cluster, whose mirror has neither Loki nor the collector."""
    if logging is not None and embedded and not (mirror.charts and mirror.images):
        message = (
            "needs images that cannot be built on this machine; remove it here, where `kubectl logs` has all, "
            "or name a mirror that has them under catalog.mirror"
        )
        yield Fault(path=("logging",), message=message)
