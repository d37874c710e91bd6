"""The local mirror of the catalog, which the embedded cluster installs its operators from: `make mirror`.

Charts and manifests come out of the Go modules that hold them at the catalog's versions. Images are made from scratch
around programs that are built from modules of the same versions. Each file gets its name when it is whole, so a mirror
that was interrupted is continued by the same command.
"""

import functools
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

from components import catalog
from components.catalog import Catalog, GoModule, Manifest
from local import image_builder, locking
from local.mirror import module_files
from local.mirror.entries import MirrorImage, images_of, recipe_for, selected, why_not
from local.mirror.recipes import MIRROR_TOOLS
from local.paths import cache_folder, flush, mirror_folder
from local.progress import Steps
from local.toolchain import building
from local.toolchain.go import Go
from local.toolchain.tool import Tool


def make(names: Collection[str]) -> None:
    """What `make mirror` does: `build`, and then a word on what cannot be had here."""
    known = catalog.load()
    with Steps() as steps:
        build(names, steps)
        size = sum(file.stat().st_size for file in mirror_folder().rglob("*") if file.is_file())
        steps.say(f"\n{mirror_folder()}: {size / 1e9:.1f} GB")
        if not names:
            for name, reason in sorted((name, why_not(name, known)) for name in known.names()):
                if reason:
                    steps.say(f"not here: {name} ({reason})")


def build(names: Collection[str], steps: Steps) -> None:
    """Make what is missing of these entries of the catalog, or of all that can be had here.

    Raises Failure for a name that the catalog lacks, for an entry that cannot be had, and for a failed build.
    """
    known = catalog.load()
    chosen = selected(names, known)
    if not missing(chosen):
        return  # without the lock: another command may build other entries for long
    with locking.waiting_for(cache_folder() / "mirror.lock", steps):
        _build_files(chosen, known, steps)
        _build_images(chosen, steps)


def missing(names: Iterable[str]) -> list[Path]:
    """The files of these entries that the mirror does not have."""
    targets = [target for target, _ in _files(names, catalog.load())]
    return [file for file in (*targets, *(image.archive for image in images_of(names))) if not file.exists()]


def _build_files(names: Iterable[str], known: Catalog, steps: Steps) -> None:
    wanted = {target: make for target, make in _files(names, known) if not target.exists()}
    if not wanted:
        return
    with (
        steps.step("charts and manifests from their Go modules") as step,
        module_files.module_source(mirror_folder() / ".build", steps) as go,
    ):
        step.total = len(wanted)
        for target, make in wanted.items():
            step.note = target.name
            partial = target.with_name(f".{target.name}.partial")
            target.parent.mkdir(parents=True, exist_ok=True)
            make(go, partial)
            flush(partial)
            partial.rename(target)
            step.done += 1


def _files(names: Iterable[str], known: Catalog) -> Iterator[tuple[Path, Callable[[Go, Path], None]]]:
    """The files of these entries, each with what writes it; `Sources` looks for them under these names."""
    for name in names:
        if (chart := known.charts.get(name)) and chart.module:
            make = functools.partial(_make_chart, name, chart.version, chart.module)
            yield mirror_folder() / "charts" / f"{name}-{chart.version}.tgz", make
        if (manifest := known.manifests.get(name)) and manifest.module:
            make = functools.partial(_make_manifest, manifest, manifest.module)
            yield mirror_folder() / "manifests" / f"{name}-{manifest.version}.yaml", make


def _make_chart(name: str, version: str, module: GoModule, go: Go, target: Path) -> None:
    module_files.package_chart(module_files.download(module, version, go), target, name, version, module.without)


def _make_manifest(manifest: Manifest, module: GoModule, go: Go, target: Path) -> None:
    source = module_files.download(module, manifest.version, go)
    module_files.join_manifests(source, target, descriptions=module.descriptions, files=manifest.files)


def _build_images(names: Iterable[str], steps: Steps) -> None:
    """Each image as soon as its programs are there: another tool compiles meanwhile."""
    by_module: dict[str, list[MirrorImage]] = {}
    for image in (image for image in images_of(names) if not image.archive.exists()):
        by_module.setdefault(recipe_for(image.published).tool.module, []).append(image)
    tools = [tool for module, tool in MIRROR_TOOLS.items() if module in by_module]
    one_at_a_time = threading.Lock()

    def wrap(tool: Tool) -> None:
        programs = building.built(tool) or {}
        with one_at_a_time, image_builder.building(steps) as builder:
            for image in by_module[tool.module]:
                with steps.step(f"image {image.published}"):
                    recipe = recipe_for(image.published)
                    files = {path: programs[name] for name, path in recipe.programs.items()}
                    builder.from_programs(image, files, *recipe.arguments)

    def wrap_built() -> None:
        for tool in tools:
            if building.built(tool) and not all(image.archive.exists() for image in by_module[tool.module]):
                wrap(tool)

    # First what needs no compiler: whoever waits for these entries alone can go on.
    wrap_built()
    building.build(tools, steps, then=wrap)
    # Of tools that another command built meanwhile.
    wrap_built()
