"""Where a stack takes the catalog's things from, and what it says that it installs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from components import catalog
from components.platform.sources import Sources
from stacks.catalog.config import EMBEDDED_IMAGES
from stacks.catalog.sources import ROOT, sources
from stacks.environment.config import Environment
from stacks.environment.installed import from_embedded_mirror, installed
from tests.sound import sound
from tests.unit.stacks.programs import environment

HOME = Path("/home/somebody")
EMBEDDED = {"ML_PLATFORM_MIRROR": "/cache/mirror"}
GATEWAY: dict[str, Any] = {"className": "istio", "domain": "models.example.org", "plainHttp": True}


def config(kind: str = "local", mirror: dict[str, str] | None = None, **keys: Any) -> Environment:
    return sound(
        Environment, environment(cluster={"kind": kind}, **({"catalog": {"mirror": mirror}} if mirror else {}), **keys)
    )


@pytest.mark.parametrize(
    ("kind", "mirror", "environ", "expected"),
    [
        ("local", None, {}, Sources()),
        ("local", None, EMBEDDED, Sources(charts="/cache/mirror", images=EMBEDDED_IMAGES)),
        ("existing", None, EMBEDDED, Sources()),
        ("local", {"images": "r.example/m"}, EMBEDDED, Sources(charts="/cache/mirror", images="r.example/m")),
        ("existing", {"charts": "oci://r.example/c"}, {}, Sources(charts="oci://r.example/c")),
        ("existing", {"charts": "mirror"}, {}, Sources(charts=str(ROOT / "mirror"))),
        ("existing", {"charts": "~/mirror"}, {}, Sources(charts="/home/somebody/mirror")),
        ("existing", {"manifests": "/srv/m"}, {}, Sources(manifests="/srv/m")),
    ],
)
def test_sources(kind: str, mirror: dict[str, str] | None, environ: dict[str, str], expected: Sources) -> None:
    said = config(kind, mirror)
    assert sources(said.catalog.mirror, environ, HOME, embedded=said.cluster.embedded) == expected


def test_a_small_environment_installs_nothing() -> None:
    assert installed(config()) == frozenset()


def test_the_mirror_of_this_machine_is_for_the_embedded_cluster_without_another() -> None:
    other = {"charts": "oci://r.example/c", "images": "r.example/m"}
    assert from_embedded_mirror(config(gateway=GATEWAY)) == {"gateway-api"}
    assert from_embedded_mirror(config("existing", gateway=GATEWAY)) == frozenset()
    assert from_embedded_mirror(config(mirror=other, gateway=GATEWAY)) == frozenset()


STACKS = sorted(
    path
    for path in (*ROOT.glob("Pulumi.*.yaml"), *(ROOT / "tests").rglob("*.yaml"))
    if "malformed" not in path.parts and "ml-platform:environment" in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("path", STACKS, ids=lambda path: path.stem)
def test_what_a_stack_installs_is_in_the_catalog(path: Path) -> None:
    known = yaml.safe_load(path.read_text(encoding="utf-8"))["config"]["ml-platform:environment"]
    assert installed(sound(Environment, known)) <= catalog.load().names()
