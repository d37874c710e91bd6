"""The local mirror of the catalog, which the embedded cluster installs its operators from: `make mirror`.

Charts and manifests come out of the Go modules that hold them at the catalog's versions. Images are made from scratch
around programs that are built from modules of the same versions. Each file gets its name when it is whole, so a mirror
that was interrupted is continued by the same command.
"""

import functools
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from components import catalog
from components.catalog import Catalog, GoModule
from local import container_images, locking, module_files, toolchain
from local.container_images import Image
from local.errors import Failure
from local.paths import cache_folder, flush, mirror_folder
from local.progress import Steps
from local.toolchain import MIRROR_TOOLS, Go, Tool
from stacks.catalog_config import EMBEDDED_IMAGES


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How an image is made: programs of one tool, each at the path where the published image has it.

    The first one is the entrypoint, with `arguments`. `tag` is that of the published image which holds the same
    version of the programs; None where it is the module's version.
    """

    module: str
    programs: Mapping[str, str]
    arguments: tuple[str, ...] = ()
    tag: str | None = None


#: By the name of the published image, without its tag.
RECIPES = {
    "registry.k8s.io/kueue/kueue": Recipe(module="kueue", programs={"kueue": "/manager"}),
    "quay.io/prometheus-operator/prometheus-operator": Recipe(
        module="prometheus-operator", programs={"operator": "/bin/operator"}
    ),
    "quay.io/prometheus-operator/prometheus-config-reloader": Recipe(
        module="prometheus-operator", programs={"prometheus-config-reloader": "/bin/prometheus-config-reloader"}
    ),
    # Prometheus is a library too, which counts its versions otherwise.
    "quay.io/prometheus/prometheus": Recipe(
        module="prometheus",
        programs={"prometheus": "/bin/prometheus", "promtool": "/bin/promtool"},
        tag="v3.15.0",
    ),
    "registry.k8s.io/kube-state-metrics/kube-state-metrics": Recipe(
        module="kube-state-metrics",
        programs={"kube-state-metrics": "/kube-state-metrics"},
        arguments=("--port=8080", "--telemetry-port=8081"),
    ),
    "quay.io/prometheus/node-exporter": Recipe(
        module="node-exporter", programs={"node_exporter": "/bin/node_exporter"}
    ),
    "quay.io/prometheus/alertmanager": Recipe(
        module="alertmanager", programs={"alertmanager": "/bin/alertmanager", "amtool": "/bin/amtool"}
    ),
    "ghcr.io/versity/versitygw": Recipe(module="versitygw", programs={"versitygw": "/usr/local/bin/versitygw"}),
    "ghcr.io/external-secrets/external-secrets": Recipe(
        module="external-secrets", programs={"external-secrets": "/bin/external-secrets"}
    ),
}


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


# -- what can be had -------------------------------------------------------------------------------------------


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
    built = recipe.tag or MIRROR_TOOLS[recipe.module].version
    if tag != built:
        raise Failure(
            f"the catalog has {published}, but local/toolchain/{recipe.module} builds {built}",
            "raise both to the same version",
        )
    return recipe


# -- making it -------------------------------------------------------------------------------------------------


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
            make = functools.partial(_make_manifest, manifest.version, manifest.module)
            yield mirror_folder() / "manifests" / f"{name}-{manifest.version}.yaml", make


def _make_chart(name: str, version: str, module: GoModule, go: Go, target: Path) -> None:
    module_files.package_chart(module_files.download(module, version, go), target, name, version)


def _make_manifest(version: str, module: GoModule, go: Go, target: Path) -> None:
    source = module_files.download(module, version, go)
    module_files.join_manifests(source, target, descriptions=module.descriptions)


def _build_images(names: Iterable[str], steps: Steps) -> None:
    """Each image as soon as its programs are there: another tool compiles meanwhile."""
    by_module: dict[str, list[MirrorImage]] = {}
    for image in (image for image in images_of(names) if not image.archive.exists()):
        by_module.setdefault(recipe_for(image.published).module, []).append(image)
    tools = [tool for module, tool in MIRROR_TOOLS.items() if module in by_module]
    one_at_a_time = threading.Lock()

    def wrap(tool: Tool) -> None:
        programs = toolchain.built(tool) or {}
        with one_at_a_time, container_images.building(steps) as builder:
            for image in by_module[tool.module]:
                with steps.step(f"image {image.published}"):
                    recipe = recipe_for(image.published)
                    files = {path: programs[name] for name, path in recipe.programs.items()}
                    builder.from_programs(image, files, *recipe.arguments)

    toolchain.build(tools, steps, then=wrap)
    # Of tools that were built before.
    for tool in tools:
        if not all(image.archive.exists() for image in by_module[tool.module]):
            wrap(tool)
