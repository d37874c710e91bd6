"""What a reviewer must know about a previewed change: what is lost, and whether it holds data."""

from __future__ import annotations

from dataclasses import dataclass

from ops.aws.kinds import DATA as AWS_DATA
from ops.aws.kinds import FOUNDATION as AWS_FOUNDATION
from ops.preview.record import Preview, Resource

# Types whose deletion deletes data, unless a second copy is kept.
DATA = frozenset(
    {
        *AWS_DATA,
        "kubernetes:core/v1:Namespace",
        "kubernetes:core/v1:PersistentVolume",
        "kubernetes:core/v1:PersistentVolumeClaim",
        "kubernetes:core/v1:Secret",
        "kubernetes:apps/v1:StatefulSet",
    }
)
# Types whose deletion takes the machines, the network or the API away from everything else.
FOUNDATION = frozenset(
    {
        *AWS_FOUNDATION,
        "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition",
        "pulumi:providers:kubernetes",
    }
)


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A resource that is deleted or replaced, and what that means."""

    resource: Resource
    data: bool
    meaning: str


def label(resource: Resource) -> str:
    """The name for a person: kind and name, with the namespace of a Kubernetes object."""
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
        return "protected: the update will fail"
    if before and before.retain:
        return "kept, no longer managed by Pulumi" if resource.change == "delete" else "kept; the new one starts empty"
    if data:
        return "its data is lost" if resource.change == "delete" else "its data is lost; the new one starts empty"
    if resource.type in FOUNDATION:
        return "everything that runs on it stops"
    return "is recreated" if resource.change == "replace" else ""


def list_losses(preview: Preview) -> list[Loss]:
    """Resources that are destroyed or replaced: data first, then the foundation, each in the order of the program."""
    found: list[Loss] = []
    for resource in preview.resources:
        if resource.change in ("delete", "replace"):
            data = resource.type in DATA
            found.append(Loss(resource=resource, data=data, meaning=_meaning(resource, data=data)))
    return sorted(found, key=lambda loss: (not loss.data, loss.resource.type not in FOUNDATION))


def is_alarming(loss: Loss) -> bool:
    """Whether a person must look at it before anything else: data, or the foundation of everything."""
    return loss.data or loss.resource.type in FOUNDATION
