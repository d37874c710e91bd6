"""The rules on workloads of every engine: a sound object of each kind passes, each fault is found by its rule."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from policy.graph.resources import Resource
from policy.rules import RULES
from tests.policy.cases import findings, make_resource

FOLDER = Path(__file__).parent / "engines"
# Kinds of the issue on engines, and the runtimes behind two of them.
KINDS = {
    *("TrainJob", "TrainingRuntime", "ClusterTrainingRuntime", "JobSet", "PyTorchJob", "TFJob", "MPIJob"),
    *("RayJob", "RayCluster", "RayService"),
    *("InferenceService", "ServingRuntime", "ClusterServingRuntime", "SeldonDeployment"),
    *("StatefulSet", "CronJob"),
}
# A stack whose pools have no GPUs.
CPU_POOL = {
    "type": "kubernetes:karpenter.sh/v1:NodePool",
    "props": {"spec": {"limits": {"cpu": "64"}, "template": {"spec": {}}}},
}
# What may be wrong with a container, as changes of its parts, and the rule that finds it.
FAULTS: dict[str, dict[str, Any]] = {
    "container-limited": {"resources/limits": None},
    "pod-restricted": {"securityContext/capabilities": None},
    "no-privileged-pod": {"securityContext/privileged": True},
    "no-plain-secret": {"env": [{"name": "HF_TOKEN", "value": "never shown"}]},
    "image-fixed": {"image": "ghcr.io/acme/train:v3"},
    "image-known": {"image": "ghcr.io/acme/train@sha256:1"},
    "gpu-from-bounded-pool": {"resources/limits/nvidia.com~gpu": "8"},
}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A change of a sound object, the rule that must find it, words of its message, and rules that find it as well."""

    kind: str
    rule: str
    change: dict[str, Any]
    says: str = ""
    also: Sequence[str] = ()

    def name(self) -> str:
        return f"{self.kind}-{self.rule}-{next(iter(self.change))}"


def load() -> dict[str, dict[str, Any]]:
    """The objects by kind."""
    shared = (FOLDER / "shared.yaml").read_text()
    files = [path for path in sorted(FOLDER.glob("*.yaml")) if path.name != "shared.yaml"]
    found: dict[str, dict[str, Any]] = {}
    for path in files:
        found |= yaml.safe_load(shared + path.read_text())
    del found["shared"]
    return found


ENGINES = load()


def changed(props: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """Properties with values at paths (`a/0/b`, `~` for a slash in a key) replaced; None removes one."""
    result = copy.deepcopy(props)
    for path, value in change.items():
        *parents, last = (int(key) if key.isdigit() else key.replace("~", "/") for key in path.split("/"))
        target: Any = result
        for key in parents:
            target = target[key] if isinstance(key, int) else target.setdefault(key, {})
        if value is None:
            del target[last]
        else:
            target[last] = value
    return result


def stack_of(kind: str, change: dict[str, Any]) -> list[Resource]:
    engine = ENGINES[kind]
    raw = {"type": engine["type"], "props": changed(engine["props"], change)}
    return [make_resource(item) for item in (raw, CPU_POOL, *engine.get("beside", ()))]


def faults() -> Iterator[Fault]:
    for kind, engine in ENGINES.items():
        for place in engine["containers"]:
            for rule, parts in FAULTS.items():
                change = {f"{place}/{part}": value for part, value in parts.items()}
                # An image by a tag from somewhere else is neither fixed nor known.
                also = ("image-known",) if rule == "image-fixed" else ()
                yield Fault(kind=kind, rule=rule, change=change, also=also)
            pod = place.partition("/containers/")[0].partition("/initContainers/")[0].removesuffix("/model")
            if engine.get("token", True):
                change = {f"{pod}/automountServiceAccountToken": True}
                yield Fault(kind=kind, rule="workload-without-api-token", change=change)
        for broken in engine.get("broken", ()):
            yield Fault(kind=kind, **broken)


def test_every_kind_is_here() -> None:
    assert set(ENGINES) == KINDS


@pytest.mark.parametrize("kind", ENGINES)
def test_a_sound_object_passes_every_rule(kind: str) -> None:
    for change in ({}, *ENGINES[kind].get("passes", ())):
        assert findings(RULES, stack_of(kind, change)) == []


@pytest.mark.parametrize("fault", [*faults()], ids=Fault.name)
def test_a_fault_is_found_by_its_rule(fault: Fault) -> None:
    found = findings(RULES, stack_of(fault.kind, fault.change))
    messages = [message for name, message in found if name == fault.rule]
    assert any(fault.says in message for message in messages), found
    assert all("never shown" not in message for message in messages)
    assert {name for name, _ in found} == {fault.rule, *fault.also}
    rest = [rule for rule in RULES if rule.name != fault.rule]
    assert fault.rule not in {name for name, _ in findings(rest, stack_of(fault.kind, fault.change))}
