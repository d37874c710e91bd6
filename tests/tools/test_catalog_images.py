"""Everything that any stack starts is in the catalog: rendered charts, manifests, and objects of our own."""

from __future__ import annotations

import ast
import functools
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from components import catalog
from components.platform import manifests
from local.mirror import helm
from local.mirror.entries import why_not
from local.paths import mirror_folder
from local.toolchain import building
from local.toolchain.tools import PULUMI_PROVIDER
from local.upgrade import images
from policy.graph.images import in_catalog, is_sample
from stacks.environment.config import Environment
from stacks.environment.installed import installed
from stacks.teams.secret_values import KEY
from tests.sound import sound
from tests.unit.aws.engine import TEAM_STACK
from tests.unit.recorder import Graph, Registration
from tests.unit.stacks.graphs import Built, built, built_team, environment_files
from tests.unit.stacks.programs import ROOT

KNOWN = catalog.load()
CATALOG = frozenset(image for name in KNOWN.names() for image in KNOWN.images_of(name))
FILES = environment_files()


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.fixture(scope="module", autouse=True)
def values() -> Iterator[None]:
    """Values of the secrets that the stack files name."""
    names = {name for path in FILES for name in yaml.safe_load(path.read_text(encoding="utf-8"))["config"].get(KEY, ())}
    pulumi.runtime.set_all_config({KEY: json.dumps(dict.fromkeys(names, "x"))}, [KEY])
    yield
    pulumi.runtime.set_all_config({})


@pytest.fixture(params=FILES, ids=name)
def stack(request: pytest.FixtureRequest) -> Built:
    return built(request.param)


def strangers(found: Iterator[str], own: frozenset[str]) -> list[str]:
    """Images that are neither of the catalog nor of the config, nor a sample of this repository."""
    return sorted(
        {image for image in found if not (in_catalog(image, CATALOG) or image in own or is_sample(image, ["*"]))}
    )


def said_images(value: object) -> Iterator[str]:
    """The images that a config names."""
    if isinstance(value, Mapping):
        yield from (one for key, one in value.items() if key == "image" and isinstance(one, str))
        for one in value.values():
            yield from said_images(one)
    elif isinstance(value, list):
        for one in value:
            yield from said_images(one)


def objects(graph: Graph) -> Iterator[Mapping[str, Any]]:
    yield from ({"kind": found.kind, **found.inputs} for found in graph.objects())


def test_every_image_of_every_object_is_in_the_catalog(stack: Built) -> None:
    own = frozenset(said_images(stack.config))
    assert strangers(images(list(objects(stack.graph))), own) == []


def test_every_image_of_the_team_stack_is_its_own() -> None:
    config = yaml.safe_load((ROOT / f"Pulumi.{TEAM_STACK}.yaml").read_text(encoding="utf-8"))["config"]
    assert list(images(list(objects(built_team()))))
    assert strangers(images(list(objects(built_team()))), frozenset(said_images(config))) == []


def test_a_stack_takes_from_the_catalog_what_its_config_says_that_it_installs(stack: Built) -> None:
    # The mirror of a stack holds what `installed` says: with one entry less, `up` would find it missing.
    assert stack.used == installed(sound(Environment, stack.config))


MIRROR = "mirror.example.com/all"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_mirror_of_images_is_asked_for_every_image_of_others(path: Path) -> None:
    if not built(path).used:
        pytest.skip("it installs nothing of others")
    graph = built(path, MIRROR).graph
    of_others = [image for image in images(list(objects(graph))) if in_catalog(image, CATALOG)]
    named = [value for release in graph.of_kind("Release") for value in texts(release.inputs.get("values", {}))]
    # A chart's value may be a whole reference, or one without its tag.
    repositories = {image.rpartition(":")[0] for image in CATALOG}
    of_others += [value for value in named if any(value.endswith(one) for one in (*CATALOG, *repositories))]
    assert [image for image in of_others if not image.startswith(f"{MIRROR}/")] == []


def texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)


# -- charts and manifests that this machine has ----------------------------------------------------------------


@functools.cache
def releases() -> dict[str, list[Registration]]:
    """The Helm releases of all stacks by the chart's name in the catalog."""
    found: dict[str, list[Registration]] = {chart: [] for chart in KNOWN.charts}
    for path in FILES:
        for release in built(path).graph.of_kind("Release"):
            found[release.inputs["name"]].append(release)
    return found


@pytest.mark.parametrize("chart", sorted(KNOWN.charts))
def test_every_image_of_a_rendered_chart_is_in_the_catalog(chart: str) -> None:
    programs = building.built(PULUMI_PROVIDER)
    archive = mirror_folder() / "charts" / f"{chart}-{KNOWN.charts[chart].version}.tgz"
    if reason := why_not(chart, KNOWN):
        pytest.skip(f"{chart} cannot be rendered here: {reason}")
    if not archive.exists():
        pytest.skip(f"{chart} is not in the mirror yet: `make mirror ENTRIES={chart}` gets it")
    if programs is None:
        pytest.skip("Pulumi's provider, which renders charts, is not built: `make up` builds it")
    (provider,) = programs.values()
    if not (ours := releases()[chart]):
        pytest.skip(f"no stack of this repository installs {chart}: there are no values to render it with")
    for release in ours:
        rendered = helm.render(provider, archive, release.inputs.get("values", {}))
        found = set(images(rendered))
        assert found, f"{chart} starts nothing"
        assert sorted(found - set(KNOWN.charts[chart].images)) == [], release.urn


@pytest.mark.parametrize("manifest", sorted(KNOWN.manifests))
def test_every_image_of_a_manifest_is_in_the_catalog(manifest: str) -> None:
    file = mirror_folder() / "manifests" / f"{manifest}-{KNOWN.manifests[manifest].version}.yaml"
    if not file.exists():
        pytest.skip(f"{manifest} is not in the mirror yet: `make mirror ENTRIES={manifest}` gets it")
    found = list(manifests.objects(file.read_text(encoding="utf-8")))
    if manifest.endswith("-crds"):
        # What else a published file holds is left out (components/platform/definitions.py).
        found = [one for one in found if one["kind"] == "CustomResourceDefinition"]
    assert found
    assert sorted(set(images(found)) - set(KNOWN.manifests[manifest].images)) == []


# -- the program's text ----------------------------------------------------------------------------------------

_VERSION = re.compile(r"v?\d+\.\d+\.\d+(?:[-+][\w.-]+)?")
_HOSTS = "|".join(sorted({re.escape(image.partition("/")[0]) for image in CATALOG}))
# `quay.io/x/y:v1` is the example that descriptions of a prefix use.
_IMAGE = re.compile(rf"(?<![\w.-])(?:{_HOSTS})/(?!x/y\b)")


def literals(module: str) -> Iterator[str]:
    """The versions and images that a module's text spells out, f-strings among them."""
    for node in ast.walk(ast.parse(module)):
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and (_VERSION.fullmatch(text) or _IMAGE.search(text)):
            yield text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('a = "v1.2.3"', ["v1.2.3"]),
        ('a = "0.19.2-rc.1"', ["0.19.2-rc.1"]),
        ('a = "registry.k8s.io/kueue/kueue"', ["registry.k8s.io/kueue/kueue"]),
        ('a = f"quay.io/prometheus/prometheus:{tag}"', ["quay.io/prometheus/prometheus:"]),
        ('a = "10.0.0.0/16"', []),
        ('a = "169.254.169.254"', []),
        ('a = "kueue.x-k8s.io/queue-name"', []),
        ('a = "such as registry.example/team/name:1.4.2"', []),
    ],
)
def test_literals(text: str, expected: list[str]) -> None:
    assert list(literals(text)) == expected


def test_no_version_and_no_image_is_spelled_in_the_program() -> None:
    files = [*(ROOT / "components").rglob("*.py"), *(ROOT / "stacks").rglob("*.py")]
    found = {name(file): spelled for file in files if (spelled := list(literals(file.read_text(encoding="utf-8"))))}
    assert found == {}


def test_every_entry_says_where_it_is_from_and_under_which_licence() -> None:
    text = yaml.safe_load(catalog.PATH.read_text(encoding="utf-8"))
    for section in ("charts", "manifests", "images"):
        for entry in text[section].values():
            assert re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", entry["source"]), entry
            assert entry["licence"] in {"Apache-2.0", "MIT", "BSD-3-Clause", "MPL-2.0"}, entry
    assert all(re.search(r":[\w.-]+$", image) and not image.endswith(":latest") for image in CATALOG)
