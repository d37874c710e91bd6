"""The Kubernetes objects of the AWS stacks, on a real API server: what EKS would be asked to take, this one takes.

The graph of each stack comes from the mocks, so ids and addresses of AWS in it are invented. The objects are what
the program makes of the stack file. They are created for real, with the real custom resource definitions and strict
field validation, since a dry run knows no namespace, quota or pod security of the same run. No node of AWS is
there: pods are admitted and stay pending.
"""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from components import catalog
from ops.preview.values import SIGNATURE
from tests.cluster import crds
from tests.embedded import EmbeddedCluster, wait_for
from tests.objects import differences
from tests.unit.aws.engine import deployed
from tests.unit.recorder import Registration

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

# A cluster of AWS and the stacks whose objects are on it, in the order of their updates.
CLUSTERS = {"staging": ("staging",), "prod": ("prod", "prod-vision")}
WORKLOADS = ("Job", "Deployment")
RELEASE = "kubernetes:helm.sh/v3:Release"
# Charts are no objects: Helm makes objects of them, and their files are in registries that cannot be reached here.
CHARTS = {
    "external-secrets": "the real one runs in tests/platform",
    "karpenter": "the controller; what Pulumi tells it is in the values, which the chart alone can check",
    "kube-prometheus-stack": "no module has the chart; the rules and monitors beside it are objects",
    "kueue": "the real one runs in tests/platform",
    "karpenter-crd": "its definitions are here, from the Go module of the same version",
}
APPLY = ("apply", "--server-side", "--validate=strict", "--field-manager=aws-objects-test", "-f", "-")
Manifest = dict[str, Any]


def as_sent(value: Any) -> Any:
    """A value as the engine sends it: whole numbers without a fraction, which protobuf does not know."""
    if isinstance(value, Mapping):
        if SIGNATURE in value:
            return as_sent(value["value"])
        return {key: as_sent(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_sent(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def objects(stacks: Sequence[str]) -> list[Registration]:
    return [found for stack in stacks for found in deployed(stack).graph.objects()]


def manifests(stacks: Sequence[str]) -> list[Manifest]:
    """Every object of the stacks in the order of the program, which is the one in which Pulumi makes them."""
    return [as_sent(found.inputs) for found in objects(stacks) if found.type != RELEASE]


def label(manifest: Manifest) -> str:
    """`kind.group/name` as kubectl prints it."""
    group = manifest["apiVersion"].rpartition("/")[0]
    kind = manifest["kind"].lower() + (f".{group}" if group else "")
    return f"{kind}/{manifest['metadata']['name']}"


def identity(manifest: Manifest) -> tuple[str, str]:
    return label(manifest), manifest["metadata"].get("namespace", "")


def labels_of_pods(workload: Manifest) -> dict[str, str]:
    """The labels by which the pods of a workload are found."""
    if workload["kind"] == "Job":
        return {"batch.kubernetes.io/job-name": workload["metadata"]["name"]}
    return workload["spec"]["selector"]["matchLabels"]


def stored(manifest: Manifest) -> Manifest:
    """A manifest as the API keeps it: the texts of a Secret become data."""
    texts = manifest.get("stringData")
    if texts is None:
        return manifest
    data = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
    return {**{key: value for key, value in manifest.items() if key != "stringData"}, "data": data}


def stream(found: Sequence[Manifest]) -> str:
    """Manifests one after the other. In a List, kubectl would ask its own schema and not the server's."""
    return "\n".join(map(json.dumps, found))


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """The objects of one AWS cluster, after the API server took them."""

    name: str
    manifests: list[Manifest]
    said: str

    @property
    def workloads(self) -> list[Manifest]:
        return [found for found in self.manifests if found["kind"] in WORKLOADS]

    def first(self, kind: str) -> Manifest:
        return copy.deepcopy(next(found for found in self.manifests if found["kind"] == kind))


@pytest.fixture(scope="module")
def definitions(embedded: EmbeddedCluster) -> Iterator[None]:
    """The real custom resource definitions, served."""
    options = [word for source in crds.SOURCES for file in crds.files(source) for word in ("-f", str(file))]
    embedded.kubectl("apply", "--server-side", *options)
    try:
        embedded.kubectl("wait", "--for=condition=Established", "--timeout=60s", *options)
        yield
    finally:
        embedded.kubectl("delete", "--ignore-not-found", "--timeout=90s", *options)


@pytest.fixture(scope="module", params=sorted(CLUSTERS))
def accepted(request: pytest.FixtureRequest, embedded: EmbeddedCluster, definitions: None) -> Iterator[Accepted]:
    """All objects of a cluster, created; afterwards nothing of them is left."""
    found = manifests(CLUSTERS[request.param])
    # The namespaces take what is in them along. The pods go before them: a namespace would wait for half of their
    # grace periods, though none of them ever had a node.
    outermost = [manifest for manifest in found if "namespace" not in manifest["metadata"]]
    workloads = [manifest for manifest in found if manifest["kind"] in WORKLOADS]
    present = embedded.kubectl("get", "--ignore-not-found", "-o", "name", "-f", "-", stdin=stream(outermost)).stdout
    assert not present, f"something else on this cluster has the same names: {present}"
    # A pod that never had a node goes at once, and nobody looks for its image.
    embedded.kubectl("cordon", embedded.node.name)
    try:
        done = embedded.kubectl(*APPLY, stdin=stream(found), ok=False)
        assert done.returncode == 0, f"the API server refuses objects of {request.param}:\n{done.stderr}"
        yield Accepted(name=request.param, manifests=found, said=done.stdout)
    finally:
        delete = ("delete", "--ignore-not-found", "--timeout=110s", "-f", "-")
        embedded.kubectl(*delete, "--cascade=foreground", stdin=stream(workloads), ok=False)
        embedded.kubectl(*delete, stdin=stream(outermost), ok=False)
        embedded.kubectl("uncordon", embedded.node.name)
        left = embedded.kubectl("get", "--ignore-not-found", "-o", "name", "-f", "-", stdin=stream(outermost)).stdout
        assert not left, f"still there after their deletion: {left}"


@pytest.mark.proves("aws", "a Kubernetes API server takes every object")
@pytest.mark.proves("teams", "a stack of a team's own")
def test_every_object_is_taken(accepted: Accepted) -> None:
    taken = [line.removesuffix(" serverside-applied") for line in accepted.said.splitlines()]
    assert sorted(taken) == sorted(map(label, accepted.manifests))
    groups = {manifest["apiVersion"].rpartition("/")[0] for manifest in accepted.manifests}
    assert groups >= {"", "apps", "batch", "storage.k8s.io", "networking.k8s.io", "rbac.authorization.k8s.io"}
    # What others define; staging has no External Secrets.
    defined = {group for source in crds.SOURCES for group in source.groups}
    assert defined - groups == ({"external-secrets.io"} if accepted.name == "staging" else set())


def test_nothing_that_pulumi_says_is_dropped_or_rewritten(accepted: Accepted, embedded: EmbeddedCluster) -> None:
    """What the program says of an object is what the server keeps: else every refresh would find a difference."""
    answer = embedded.kubectl("get", "-o", "json", "-f", "-", stdin=stream(accepted.manifests))
    kept = {identity(found): found for found in json.loads(answer.stdout)["items"]}
    faults = {label(found): differences(stored(found), kept[identity(found)]) for found in accepted.manifests}
    assert {name: found for name, found in faults.items() if found} == {}


def test_every_workload_gets_a_pod(accepted: Accepted, embedded: EmbeddedCluster) -> None:
    """Its pods pass the namespace's Pod Security Standard, quota and limit range."""
    for workload in accepted.workloads:
        space = workload["metadata"]["namespace"]
        if workload["spec"].get("suspend"):
            # Kueue would let it start; it is not here.
            name = workload["metadata"]["name"]
            embedded.kubectl("patch", "job", name, "-n", space, "--type=merge", "-p", '{"spec": {"suspend": false}}')
        selector = ",".join(f"{key}={value}" for key, value in labels_of_pods(workload).items())

        def pods(space: str = space, selector: str = selector) -> list[Any]:
            return embedded.get("pods", "-n", space, "-l", selector)["items"]

        try:
            wait_for(f"a pod of {label(workload)}", pods, 30)
        except AssertionError as error:
            events = embedded.get("events", "-n", space, "--field-selector", "reason=FailedCreate")["items"]
            raise AssertionError(f"{error}: {sorted({event['message'] for event in events})}") from None


Change = Callable[[Manifest], None]


def _set(*path: str | int, value: Any) -> Change:
    def change(manifest: Manifest) -> None:
        inner: Any = manifest
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value

    return change


BROKEN: dict[str, tuple[str, Change, str]] = {
    "a field that no NodePool has": (
        "NodePool",
        _set("spec", "disruption", "consolidateLater", value="10m"),
        ".spec.disruption.consolidateLater: field not declared",
    ),
    "a duration that Karpenter cannot read": (
        "NodePool",
        _set("spec", "template", "spec", "expireAfter", value="two weeks"),
        "spec.template.spec.expireAfter",
    ),
    "a label of nodes that Karpenter keeps to itself": (
        "NodePool",
        _set("spec", "template", "metadata", "labels", value={"kubernetes.io/hostname": "mine"}),
        "kubernetes.io/hostname",
    ),
    "an image without a version": (
        "EC2NodeClass",
        _set("spec", "amiSelectorTerms", value=[{"alias": "al2023"}]),
        "spec.amiSelectorTerms",
    ),
    "a word where yes or no belongs": (
        "EC2NodeClass",
        _set("spec", "blockDeviceMappings", 0, "ebs", "encrypted", value="yes"),
        "spec.blockDeviceMappings[0].ebs.encrypted",
    ),
    "a misspelt field of a Deployment": (
        "Deployment",
        _set("spec", "template", "spec", "terminationGracePeriod", value=30),
        ".spec.template.spec.terminationGracePeriod: field not declared",
    ),
    "a quantity that is none": (
        "ResourceQuota",
        _set("spec", "hard", "requests.cpu", value="eight"),
        "quantities must match",
    ),
    "a mode that there is not": (
        "StorageClass",
        _set("volumeBindingMode", value="Later"),
        "volumeBindingMode",
    ),
    "a direction that there is not": (
        "NetworkPolicy",
        _set("spec", "policyTypes", value=["Sideways"]),
        "spec.policyTypes",
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_object_is_refused(fault: str, accepted: Accepted, embedded: EmbeddedCluster) -> None:
    """The same command, with one field broken: so the tests above can fail."""
    kind, change, words = BROKEN[fault]
    manifest = accepted.first(kind)
    # Beside the one that is there: most fields of it may not change.
    manifest["metadata"]["name"] = "broken"
    change(manifest)
    done = embedded.kubectl(*APPLY, "--dry-run=server", stdin=stream([manifest]), ok=False)
    assert done.returncode != 0
    assert words in done.stderr


def test_a_sound_object_passes_where_the_broken_ones_do_not(accepted: Accepted, embedded: EmbeddedCluster) -> None:
    copies = [accepted.first(kind) for kind in dict.fromkeys(kind for kind, _, _ in BROKEN.values())]
    for manifest in copies:
        manifest["metadata"]["name"] = "sound"
    embedded.kubectl(*APPLY, "--dry-run=server", stdin=stream(copies))


def test_what_is_not_applied_are_charts_with_a_reason() -> None:
    found = {chart.inputs["name"] for stacks in CLUSTERS.values() for chart in objects(stacks) if chart.type == RELEASE}
    assert found == CHARTS.keys()
    assert found <= catalog.load().charts.keys()
