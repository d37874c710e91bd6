"""What others do to the platform's objects, and that one `pulumi up --refresh` undoes it."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from components.platform import upkeep
from components.queueing import kueue as queueing
from tests.embedded import EmbeddedCluster
from tests.objects import differences

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

#: A team that nothing runs in: its namespace can go as a whole.
EXPENDABLE = "queue-blue"
#: Deleting one of these takes data or a whole team along, or ends only when its pods do. The expendable team shows the
#: first; a claim in use stays, as Kubernetes protects it.
KEPT = ("Namespace", "PersistentVolumeClaim", "PersistentVolume", "CustomResourceDefinition")
#: One edit of each kind, as somebody makes it who is in a hurry.
EDITS: Mapping[str, Any] = {
    "Deployment": {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 1}}}},
    "Service": {"spec": {"ports": [{"name": "http", "port": 81, "targetPort": "http"}]}},
    "ServiceAccount": {"automountServiceAccountToken": True},
    "NetworkPolicy": {"spec": {"podSelector": {"matchLabels": {"nobody": "here"}}}},
    "Role": {"rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]},
    "RoleBinding": {"subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "everybody"}]},
    "ResourceQuota": {"spec": {"hard": {"pods": "9999"}}},
    "LimitRange": {"spec": {"limits": [{"type": "Container", "default": {"cpu": "64"}}]}},
    "HorizontalPodAutoscaler": {"spec": {"maxReplicas": 50}},
    "PodDisruptionBudget": {"spec": {"maxUnavailable": "100%"}},
    "ClusterQueue": {"spec": {"queueingStrategy": "StrictFIFO"}},
    "ConfigMap": {"data": {"more": "of it"}},
}


@dataclass(frozen=True, kw_only=True)
class Managed:
    """An object that Pulumi manages, as its state has it: what the program says of it."""

    inputs: Any

    @property
    def kind(self) -> str:
        return self.inputs["kind"]

    @property
    def name(self) -> str:
        return self.inputs["metadata"]["name"]

    @property
    def namespace(self) -> str | None:
        return self.inputs["metadata"].get("namespace")

    @property
    def label(self) -> str:
        return f"{self.kind}/{self.namespace or ''}/{self.name}"

    @property
    def reference(self) -> Any:
        """The least that kubectl needs to find it."""
        metadata = {"name": self.name} | ({"namespace": self.namespace} if self.namespace else {})
        return {"apiVersion": self.inputs["apiVersion"], "kind": self.kind, "metadata": metadata}


def managed(platform: EmbeddedCluster) -> list[Managed]:
    """Every object of the stack. What a Helm release made is Helm's, and not in the state."""
    wide = cluster_wide(platform)
    exported = json.loads(platform.run("stack", "export").stdout)["deployment"]["resources"]
    return [
        Managed(inputs=comparable(found["inputs"], wide))
        for found in exported
        if found["type"].startswith("kubernetes:") and {"apiVersion", "kind", "metadata"} <= set(found["inputs"])
    ]


def cluster_wide(platform: EmbeddedCluster) -> set[str]:
    """The kinds whose objects are in no namespace."""
    listed = platform.kubectl("api-resources", "--namespaced=false", "--no-headers").stdout
    return {line.split()[-1] for line in listed.splitlines()}


def comparable(inputs: Any, wide: Container[str]) -> Any:
    """What the program, or a chart, says of an object, without what is not to be compared.

    A chart may name a namespace for what has none, and so does Pulumi for a kind that it does not know yet.
    """
    if inputs.get("kind") in wide:
        metadata = {key: value for key, value in inputs["metadata"].items() if key != "namespace"}
        return {**inputs, "metadata": metadata}
    match inputs.get("kind"):
        case "Secret":  # what it holds is encrypted in the state
            return {key: value for key, value in inputs.items() if key not in ("data", "stringData")}
        case "Job":  # Kueue says when it starts
            return {**inputs, "spec": {key: value for key, value in inputs["spec"].items() if key != "suspend"}}
        case _:
            return inputs


def stream(objects: Sequence[Managed]) -> str:
    return "\n".join(json.dumps(found.reference) for found in objects)


def faults(platform: EmbeddedCluster, objects: Sequence[Managed]) -> dict[str, list[str]]:
    """Where the cluster is not as the program says, by object."""
    answer = platform.kubectl("get", "--ignore-not-found", "-o", "json", "-f", "-", stdin=stream(objects)).stdout
    listed = json.loads(answer) if answer else {"items": []}
    kept = {Managed(inputs=found).label: found for found in listed.get("items", [listed])}
    found = {
        one.label: differences(one.inputs, kept[one.label]) if one.label in kept else ["is not there"]
        for one in objects
    }
    return {label: wrong for label, wrong in found.items() if wrong}


@pytest.mark.proves("operations", "what others deleted or edited is repaired", by="real run")
def test_a_deleted_edited_or_relabelled_object_is_repaired(platform: EmbeddedCluster) -> None:
    objects = managed(platform)
    assert faults(platform, objects) == {}
    kinds = {found.kind for found in objects}
    assert {"Deployment", "Role", "NetworkPolicy", "ResourceQuota", "Job", "ClusterQueue"} <= kinds

    mark = "app.kubernetes.io/managed-by"
    labelled = [found for found in objects if mark in found.inputs["metadata"].get("labels", {})]
    platform.kubectl("label", "--overwrite", "-f", "-", "app.kubernetes.io/managed-by=somebody", stdin=stream(labelled))
    # Nobody can edit what is immutable.
    open_ones = [found for found in objects if not found.inputs.get("immutable")]
    edited = [next((found for found in open_ones if found.kind == kind), None) for kind in EDITS]
    for found in filter(None, edited):
        space = ("-n", found.namespace) if found.namespace else ()
        patch = json.dumps(EDITS[found.kind])
        platform.kubectl("patch", found.kind.lower(), found.name, *space, "--type=merge", "-p", patch)
    spared = {found.label for found in filter(None, edited)}
    last_of_kind = {found.kind: found for found in objects if found.label not in spared and found.kind not in KEPT}
    deleted = list(last_of_kind.values())
    platform.kubectl("delete", "--wait=false", "-f", "-", stdin=stream(deleted))
    platform.kubectl("delete", "namespace", EXPENDABLE, "--timeout=110s")

    broken = faults(platform, objects)
    for found in (*filter(None, edited), *deleted, *labelled):
        assert found.label in broken

    platform.up("--refresh")
    assert faults(platform, objects) == {}
    platform.up("--refresh", "--expect-no-changes")


def released(platform: EmbeddedCluster) -> list[Managed]:
    """The objects that Kueue's release has made, as Helm remembers them."""
    (secret,) = platform.get(
        "secrets", "-n", queueing.NAMESPACE, "-l", f"owner=helm,name={queueing.CHART},status=deployed"
    )["items"]
    wide = cluster_wide(platform)
    return [Managed(inputs=comparable(found, wide)) for found in upkeep.recorded(secret["data"]["release"])]


@pytest.mark.proves("operations", "what others deleted or edited is repaired", by="real run")
def test_what_helm_made_is_repaired_too(platform: EmbeddedCluster) -> None:
    """With Kueue itself among what was deleted: its webhooks are needed again for all that comes after it."""
    objects = released(platform)
    assert faults(platform, objects) == {}
    assert {"Deployment", "ClusterRole", "Service", "APIService", "ValidatingWebhookConfiguration"} <= {
        found.kind for found in objects
    }
    mark = "app.kubernetes.io/name"
    labelled = [found for found in objects if mark in found.inputs["metadata"].get("labels", {})]
    platform.kubectl("label", "--overwrite", "-f", "-", f"{mark}=somebody", stdin=stream(labelled))
    edited = next(found for found in objects if found.kind == "ClusterRole")
    platform.kubectl("patch", "clusterrole", edited.name, "--type=merge", "-p", json.dumps({"rules": []}))
    last_of_kind = {found.kind: found for found in objects if found is not edited and found.kind not in KEPT}
    platform.kubectl("delete", "--wait=false", "-f", "-", stdin=stream(list(last_of_kind.values())))

    broken = faults(platform, objects)
    for found in (edited, *last_of_kind.values(), *labelled):
        assert found.label in broken

    platform.up("--refresh")
    assert faults(platform, objects) == {}
    platform.up("--refresh", "--expect-no-changes")


def test_what_controllers_own_is_left_alone(platform: EmbeddedCluster) -> None:
    """The autoscaler's replicas, Kueue's admission, quotas' counts: no run finds a change in them."""
    platform.up("--expect-no-changes")
    platform.up("--expect-no-changes")
    platform.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    platform.up("--expect-no-changes")
