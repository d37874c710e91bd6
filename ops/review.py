"""What a reviewer must know of a previewed change: what is lost, and whether it holds data."""

from __future__ import annotations

from dataclasses import dataclass

from ops.preview import Preview, Resource
from policy.rules.data import STATEFUL

# Types whose deletion deletes data, unless a second copy is kept.
DATA = frozenset(
    {
        *STATEFUL,
        "aws:dynamodb/table:Table",
        "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation",
        "aws:secretsmanager/secret:Secret",
        "aws:cloudwatch/logGroup:LogGroup",
        "kubernetes:core/v1:Namespace",
        "kubernetes:core/v1:PersistentVolume",
        "kubernetes:core/v1:PersistentVolumeClaim",
        "kubernetes:core/v1:Secret",
        "kubernetes:apps/v1:StatefulSet",
    }
)
# Deleting one of these takes the machines or the network away from under everything else.
FOUNDATION = frozenset(
    {
        "aws:ec2/vpc:Vpc",
        "aws:ec2/subnet:Subnet",
        "aws:eks/cluster:Cluster",
        "aws:eks/nodeGroup:NodeGroup",
        "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition",
        "pulumi:providers:kubernetes",
    }
)


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A resource that goes, or goes and comes again, and what that means."""

    resource: Resource
    data: bool
    meaning: str


def label(resource: Resource) -> str:
    """What a person calls it: kind and name, with the namespace of a Kubernetes object."""
    kind = resource.type.rpartition(":")[2]
    state = resource.after or resource.before
    metadata = state.inputs.get("metadata") if state else None
    if isinstance(metadata, dict) and metadata.get("name"):
        space = metadata.get("namespace")
        return f"{kind} {space}/{metadata['name']}" if space else f"{kind} {metadata['name']}"
    return f"{kind} {resource.name}"


def _meaning(resource: Resource, *, data: bool) -> str:
    before = resource.before
    if before and before.protect:
        return "protected: the update refuses"
    if before and before.retain:
        return (
            "kept, and managed no more" if resource.change == "delete" else "kept beside a new one, which begins empty"
        )
    if data:
        return "its data is lost" if resource.change == "delete" else "its data is lost, the new one begins empty"
    if resource.type in FOUNDATION:
        return "all that runs on it stops"
    return "comes again" if resource.change == "replace" else ""


def losses(preview: Preview) -> list[Loss]:
    """What is destroyed or replaced; data first, then the rest in the order of the program."""
    found: list[Loss] = []
    for resource in preview.resources:
        if resource.change in ("delete", "replace"):
            data = resource.type in DATA
            found.append(Loss(resource=resource, data=data, meaning=_meaning(resource, data=data)))
    return sorted(found, key=lambda loss: (not loss.data, loss.resource.type not in FOUNDATION))


def is_alarming(loss: Loss) -> bool:
    """Whether a person must look at it before anything else: data, or what everything stands on."""
    return loss.data or loss.resource.type in FOUNDATION
