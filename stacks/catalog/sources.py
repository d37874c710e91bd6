"""Where the cluster of an environment takes the catalog's charts, manifests and images from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from components.platform.sources import Sources
from stacks.catalog.config import EMBEDDED_IMAGES, EMBEDDED_VARIABLE
from stacks.environment.config import Environment

ROOT = Path(__file__).resolve().parent.parent.parent


def sources(environment: Environment, environ: Mapping[str, str], home: Path) -> Sources:
    """What the config says, else on the embedded cluster this machine's mirror, else the makers' own places."""
    said = environment.catalog.mirror
    embedded = environ.get(EMBEDDED_VARIABLE) if environment.cluster.embedded else None
    return Sources(
        charts=_place(said.charts, home) or embedded,
        manifests=_place(said.manifests, home),
        images=said.images or (EMBEDDED_IMAGES if embedded else None),
    )


def _place(text: str | None, home: Path) -> str | None:
    """An address as it is; a path made absolute, since Helm runs in another process and folder."""
    if text is None or "://" in text:
        return text
    return str(home / text[2:] if text.startswith("~/") else ROOT / text)
