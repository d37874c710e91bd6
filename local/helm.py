"""Renders charts with the toolchain's Helm, without a cluster."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from local.errors import Failure
from local.toolchain import KUBERNETES


def render(helm: Path, chart: Path, values: Mapping[str, Any], *, namespace: str = "default") -> list[dict[str, Any]]:
    """The objects that Helm would make of a chart, its own CRDs and hooks among them. Failure says why it cannot."""
    done = subprocess.run(
        [
            *(helm, "template", "rendered", chart, "--namespace", namespace, "--include-crds"),
            *("--kube-version", KUBERNETES, "--values", "-"),
        ],
        input=yaml.safe_dump(dict(values)),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Failure(f"the chart {chart.name} cannot be rendered: {done.stderr.strip()}", "correct its values")
    return objects(done.stdout)


class _Loader(yaml.CSafeLoader):
    """Takes a plain `=`, which some enumerations have, for the text that it is."""


_Loader.add_constructor("tag:yaml.org,2002:value", _Loader.construct_scalar)


def objects(stream: str) -> list[dict[str, Any]]:
    """The objects of a YAML stream, those of lists among them."""
    found: list[dict[str, Any]] = []
    for document in yaml.load_all(stream, _Loader):
        if document and document.get("kind") == "List":
            found += document["items"]
        elif document:
            found.append(document)
    return found
