"""Which entries of the catalog the mirror can have, and the images that they start."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from components import catalog
from components.catalog import Catalog
from local.errors import Failure
from local.image_names import Image
from local.mirror.recipes import RECIPES, Recipe
from local.paths import mirror_folder
from stacks.catalog.config import EMBEDDED_IMAGES


@dataclass(frozen=True, kw_only=True)
class MirrorImage(Image):
    """An image of the catalog as the embedded cluster has it; `published` is its name elsewhere."""

    published: str

    @property
    def archive(self) -> Path:
        return mirror_folder() / "images" / f"{self.published.replace('/', '_').replace(':', '_')}.tar"


def image(published: str) -> MirrorImage:
    return MirrorImage(reference=f"{EMBEDDED_IMAGES}/{published}", published=published)


def images_of(names: Iterable[str]) -> list[MirrorImage]:
    """The images of these entries of the catalog, each once."""
    references = [reference for name in sorted(names) for reference in catalog.load().images_of(name)]
    return [image(reference) for reference in dict.fromkeys(references)]


def why_not(name: str, known: Catalog) -> str | None:
    """Why an entry of the catalog cannot be mirrored without a registry; None when it can."""
    files = known.charts.get(name) or known.manifests.get(name)
    if files and files.module is None:
        return "no Go module holds its files"
    strangers = [reference for reference in known.images_of(name) if reference.rpartition(":")[0] not in RECIPES]
    return f"no program for {', '.join(strangers)}" if strangers else None


def available(names: Iterable[str]) -> list[str]:
    """Those of the entries that can be mirrored here."""
    known = catalog.load()
    return sorted(name for name in names if why_not(name, known) is None)


def selected(names: Collection[str], known: Catalog) -> list[str]:
    """The entries to mirror: those named, else all that can be. Failure for one that is unknown or cannot be."""
    if unknown := sorted(set(names) - known.names()):
        raise Failure(
            f"the catalog has no {', '.join(unknown)}", f"catalog.yaml has {', '.join(sorted(known.names()))}"
        )
    for name in sorted(names):
        if reason := why_not(name, known):
            raise Failure(
                f"{name} cannot be mirrored on this machine: {reason}",
                "set catalog.mirror to a mirror of your own (docs/catalog.md), or leave out what needs it",
            )
    return sorted(names) or available(known.names())


def recipe_for(published: str) -> Recipe:
    """How to make an image. Failure when the version that is built is not the catalog's."""
    name, _, tag = published.rpartition(":")
    recipe = RECIPES[name]
    built = recipe.tag or recipe.tool.version
    if tag != built:
        raise Failure(
            f"the catalog has {published}, but the tool of its recipe (local/mirror/recipes.py) is {built}",
            "raise both to the same version",
        )
    return recipe
