"""What an upgrade of one entry of the catalog changes, before it is made: `python -m local.upgrade kueue 0.20.0`.

The new version comes from the Go module that the entry names, or from a folder (`--source`) where somebody has
unpacked it. Nothing is written, and no cluster is asked.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import yaml

from components import catalog
from components.catalog import Chart, Manifest
from components.platform import manifests
from local.errors import Failure
from local.mirror import helm, module_files
from local.progress import Steps
from local.toolchain import building
from local.toolchain.tools import PULUMI_PROVIDER

# Exit code where nothing could be compared.
FAILED = 2


# -- what is in a version --------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A CustomResourceDefinition: the versions that it serves, and the one in which objects are stored."""

    served: frozenset[str]
    stored: str


@dataclass(frozen=True, kw_only=True)
class Release:
    """What one version of an entry consists of. `values` are a chart's defaults by dotted key."""

    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    definitions: Mapping[str, Definition] = field(default_factory=dict[str, Definition])
    images: frozenset[str] = frozenset()


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested values by dotted keys. A list is one value, and so is an empty mapping."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def definitions(objects: Iterable[Mapping[str, Any]]) -> dict[str, Definition]:
    """The CustomResourceDefinitions among objects, by their names."""
    return {
        one["metadata"]["name"]: Definition(
            served=frozenset(version["name"] for version in one["spec"]["versions"] if version["served"]),
            stored=next(version["name"] for version in one["spec"]["versions"] if version["storage"]),
        )
        for one in objects
        if one["kind"] == "CustomResourceDefinition"
    }


def images(value: object) -> Iterator[str]:
    """Every container's image in objects, at any depth. Schemas of CRDs hold no images, though they name the key."""
    if isinstance(value, Mapping):
        if value.get("kind") == "CustomResourceDefinition":
            return
        if isinstance(image := value.get("image"), str) and "name" in value:
            yield image
        for one in value.values():
            yield from images(one)
    elif isinstance(value, list):
        for one in value:
            yield from images(one)


def release(objects: Sequence[Mapping[str, Any]], values: Mapping[str, Any] | None = None) -> Release:
    return Release(
        values=dict(flat(values or {})), definitions=definitions(objects), images=frozenset(images(list(objects)))
    )


# -- what differs ----------------------------------------------------------------------------------------------


def changes(old: Release, new: Release) -> dict[str, list[str]]:
    """The lines of the report, by what they are about. Empty lists where nothing changes."""
    return {
        "values": list(_value_changes(old.values, new.values)),
        "definitions": list(_definition_changes(old.definitions, new.definitions)),
        "images": list(_set_changes(old.images, new.images)),
    }


def _set_changes(old: Iterable[str], new: Iterable[str]) -> Iterator[str]:
    before, after = set(old), set(new)
    yield from (f"- {one}" for one in sorted(before - after))
    yield from (f"+ {one}" for one in sorted(after - before))


def _value_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted({*old, *new}):
        if key not in new:
            yield f"- {key}: {shown(old[key])}"
        elif key not in old:
            yield f"+ {key}: {shown(new[key])}"
        elif old[key] != new[key]:
            yield f"~ {key}: {shown(old[key])} -> {shown(new[key])}"


def _definition_changes(old: Mapping[str, Definition], new: Mapping[str, Definition]) -> Iterator[str]:
    yield from _set_changes(old, new)
    for name in sorted({*old} & {*new}):
        before, after = old[name], new[name]
        for version in sorted(before.served - after.served):
            yield f"! {name}: {version} is served no longer; move every object and manifest to {after.stored} first"
        for version in sorted(after.served - before.served):
            yield f"~ {name}: {version} is served too"
        if before.stored != after.stored:
            yield f"~ {name}: stored as {after.stored}, was {before.stored}; write every object once after the upgrade"


def shown(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000).strip().removesuffix("...").strip()
    return text if len(text) <= 80 else f"{text[:79]}…"


def report(name: str, old_version: str, new_version: str, found: Mapping[str, Sequence[str]]) -> str:
    lines = [f"{name} {old_version} -> {new_version}"]
    for what, entries in found.items():
        lines += ["", f"{what}: {len(entries) or 'no'} change{'s' if len(entries) != 1 else ''}"]
        lines += [f"  {entry}" for entry in entries]
    return "\n".join(lines)


# -- where the versions come from ------------------------------------------------------------------------------


def read_chart(folder: Path, name: str, version: str, programs: Path, without: Collection[str] = ()) -> Release:
    """A chart from its source folder, rendered with its default values."""
    archive = programs / f"{name}-{version}.tgz"
    module_files.package_chart(folder, archive, name, version, without)
    values = yaml.safe_load((folder / "values.yaml").read_text()) or {}
    return release(helm.render(_provider(), archive, {}), values)


def read_manifest(folder: Path, files: Sequence[str] = ()) -> Release:
    """A stream of objects from the files that it is made of: `files`, or by default all in the folder."""
    found = module_files.manifest_files(folder, files)
    return release([one for file in found for one in manifests.objects(file.read_text())])


def _provider() -> Path:
    with Steps() as steps:
        (program,) = building.build((PULUMI_PROVIDER,), steps).values()
    return program


def compare(name: str, version: str, source: Path | None) -> str:
    """The report on an upgrade of `name` to `version`. Failure where one of the two versions cannot be had."""
    known = catalog.load()
    entry: Chart | Manifest | None = known.charts.get(name) or known.manifests.get(name)
    if entry is None:
        files = ", ".join(sorted((*known.charts, *known.manifests)))
        raise Failure(f"the catalog has no chart or manifest {name!r}", f"it has {files}")
    if entry.module is None:
        raise Failure(
            f"no Go module holds the files of {name}, so its version {entry.version} cannot be had",
            f"compare by hand: helm show values, helm template ({entry.source})",
        )
    with tempfile.TemporaryDirectory() as folder, Steps() as steps:
        work = Path(folder)
        with module_files.module_source(work / "modules", steps) as go:
            old_folder = module_files.download(entry.module, entry.version, go)
            new_folder = source or module_files.download(entry.module, version, go)
            if isinstance(entry, Chart):
                old = read_chart(old_folder, name, entry.version, work, entry.module.without)
                new = read_chart(new_folder, name, version, work, entry.module.without)
            else:
                old, new = (read_manifest(each, entry.files) for each in (old_folder, new_folder))
    return report(name, entry.version, version, changes(old, new))


@click.command()
@click.argument("name")
@click.argument("version")
@click.option(
    "--source",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the new chart or manifests, where no Go module has them.",
)
def main(name: str, version: str, source: Path | None) -> None:
    """Print what an upgrade of one entry changes: a chart's values, CRDs with their versions, images."""
    try:
        click.echo(compare(name, version, source))
    except Failure as failure:
        click.echo(f"upgrade: {failure}", err=True)
        sys.exit(FAILED)


if __name__ == "__main__":
    main()
