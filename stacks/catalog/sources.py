"""Where the cluster of an environment takes the catalog's charts, manifests and images from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from components.platform.sources import Sources
from stacks.catalog.config import EMBEDDED_IMAGES, EMBEDDED_VARIABLE, Mirror

ROOT = Path(__file__).resolve().parent.parent.parent


def sources(said: Mirror, environ: Mapping[str, str], home: Path, *, embedded: bool) -> Sources:
    """What the config says, otherwise the mirror of the embedded cluster, otherwise where the makers publish."""
    here = environ.get(EMBEDDED_VARIABLE) if embedded else None
    return Sources(
        charts=_place(said.charts, home) or here,
        manifests=_place(said.manifests, home),
        images=said.images or (EMBEDDED_IMAGES if here else None),
    )


def _place(text: str | None, home: Path) -> str | None:
    """An address as it is; a path made absolute, since Helm runs in another process and folder."""
    if text is None or "://" in text:
        return text
    return str(home / text[2:] if text.startswith("~/") else ROOT / text)
