"""Charts and manifests as their makers publish them, from the Go modules that hold their sources."""

import io
import json
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path, PurePath
from typing import Any

import yaml

from components.catalog import GoModule
from components.platform import manifests
from local.errors import Failure
from local.progress import Steps
from local.toolchain.go import Go, find_go


@contextmanager
def module_source(caches: Path, steps: Steps) -> Generator[Go]:
    """A Go that downloads modules into `caches`, which is removed at the end."""
    shutil.rmtree(caches, ignore_errors=True)
    found = find_go(steps)
    go = Go(program=found.program, version=found.version, caches=caches)
    (caches / "tmp").mkdir(parents=True)
    try:
        yield go
    finally:
        shutil.rmtree(caches, ignore_errors=True)


def download(module: GoModule, version: str, go: Go) -> Path:
    """The folder of a module at the version `1.2.3` or `v1.2.3`. Failure when it cannot be had."""
    wanted = f"{module.path}@v{version.removeprefix('v')}"
    done = subprocess.run(
        [go.program, "mod", "download", "-json", wanted],
        cwd=go.caches,
        env=go.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    said: dict[str, str] = json.loads(done.stdout or "{}")
    # A module that asks for a newer Go than this one is an error, but its archive is there, and only files are wanted.
    if "Zip" not in said:
        reason = " ".join(said.get("Error", done.stderr).split())
        raise Failure(f"{wanted} cannot be had: {reason}", "check the version and the network, then try again")
    unpacked = go.caches / "unpacked"
    with zipfile.ZipFile(said["Zip"]) as archive:
        names = [name for name in archive.namelist() if name.startswith(f"{wanted}/{module.folder}/")]
        archive.extractall(unpacked, names)  # noqa: S202  (Go has checked the paths)
    folder = unpacked / wanted / module.folder
    if not folder.is_dir():
        raise Failure(f"{wanted} has no folder {module.folder}", "correct `module` of the entry in catalog.yaml")
    return folder


def package_chart(source: Path, target: Path, name: str, version: str, without: Collection[str] = ()) -> None:
    """Write the chart in the folder `source` to `target`, an archive as `helm package` makes it.

    Sources may lag behind: a release process sets the version and fetches the dependencies. So the version is set
    here too. A dependency that is not there is left out when the chart's values turn it off or `without` names it.
    Failure for any other, and for a name in `without` that the chart does not depend on.
    """
    chart: dict[str, Any] = yaml.safe_load((source / "Chart.yaml").read_text())
    values: Mapping[str, Any] = yaml.safe_load((source / "values.yaml").read_text()) or {}
    if chart.get("appVersion"):
        chart["appVersion"] = str(chart["appVersion"]).replace(str(chart["version"]), version)
    chart["version"] = version
    dependencies: list[dict[str, Any]] = chart.pop("dependencies", [])
    if unknown := sorted(set(without) - {one["name"] for one in dependencies}):
        raise Failure(
            f"the chart {source.name} does not depend on {', '.join(unknown)}",
            f"correct `module.without` of {name} in catalog.yaml",
        )
    kept = [one for one in dependencies if one["name"] not in without and _needed(one, source, values)]
    if kept:
        chart["dependencies"] = kept
    ignore = source / ".helmignore"
    patterns = [line.strip() for line in ignore.read_text().splitlines()] if ignore.exists() else []
    with tarfile.open(target, "w:gz") as archive:
        for file in sorted(source.rglob("*")):
            if not file.is_file() or file == source / "Chart.lock" or ignored(file.relative_to(source), patterns):
                continue
            content = file.read_bytes()
            if file == source / "Chart.yaml":
                content = yaml.safe_dump(chart, sort_keys=False).encode()
            entry = tarfile.TarInfo(f"{name}/{file.relative_to(source)}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def ignored(file: PurePath, patterns: Iterable[str]) -> bool:
    """Whether a chart leaves a file out of its archive: the patterns of `.helmignore`, without negations."""
    for pattern in patterns:
        folder, plain = pattern.endswith("/"), pattern.strip("/")
        if not plain or pattern.startswith("#"):
            continue
        # A folder's pattern takes all that is below it; one with a slash inside is a path from the chart's root.
        places = file.parents if folder else (file,)
        if any(fnmatchcase(str(one) if "/" in plain else one.name, plain) for one in places):
            return True
    return False


def _needed(dependency: Mapping[str, Any], source: Path, values: Mapping[str, Any]) -> bool:
    name = dependency["name"]
    if (source / "charts" / name).is_dir() or any((source / "charts").glob(f"{name}-*.tgz")):
        return True
    # As Helm does: the first path that leads to a truth value decides.
    found = (_value(values, path) for path in str(dependency.get("condition", "")).split(","))
    if next((value for value in found if isinstance(value, bool)), True) is False:
        return False
    raise Failure(
        f"the chart {source.name} needs the chart {name}, which its module does not hold",
        "name it in `module.without` of catalog.yaml if its values turn it off; otherwise mirror the published chart",
    )


def _value(values: Any, path: str) -> Any:
    for key in path.strip().split("."):
        values = values.get(key) if isinstance(values, Mapping) else None
    return values


def manifest_files(source: Path, files: Sequence[str] = ()) -> list[Path]:
    """The manifests in a folder: `files`, or by default all of them. Failure when one is not there."""
    if missing := [name for name in files if not (source / name).is_file()]:
        raise Failure(f"{source.name} has no {', '.join(missing)}", "correct `files` of the entry in catalog.yaml")
    every = (file for file in source.glob("*.yaml") if file.name != "kustomization.yaml")
    return [source / name for name in files] or sorted(every)


def join_manifests(source: Path, target: Path, *, descriptions: bool, files: Sequence[str] = ()) -> None:
    """Write the manifests in a folder to one stream: `files`, or by default all of them.

    Without `descriptions`, those of their schemas are left out. Failure when a file is not there.
    """
    parts: list[str] = []
    for file in manifest_files(source, files):
        text = file.read_text()
        if not descriptions:
            documents = [without_descriptions(one) for one in manifests.objects(text)]
            text = yaml.dump_all(documents, Dumper=yaml.CSafeDumper, sort_keys=False)
        parts.append(text.removeprefix("---\n").rstrip("\n"))
    target.write_text("\n---\n".join(parts) + "\n")


def without_descriptions(node: Any) -> Any:
    """A schema without its descriptions. A property that is called `description` is an object, and stays."""
    if isinstance(node, dict):
        return {
            key: without_descriptions(value)
            for key, value in node.items()
            if key != "description" or not isinstance(value, str)
        }
    return [without_descriptions(one) for one in node] if isinstance(node, list) else node
