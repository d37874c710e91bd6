"""A volume that the cluster provides: a claim of a StorageClass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

from components.labels import Owner, object_labels
from components.quantities import canonical_quantity
from components.storage.access import ClaimAccess, TeamStorage

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core


@dataclass(frozen=True, kw_only=True)
class VolumeClaimArgs:
    """A claim `storage` of `size` (a Kubernetes quantity) in the team's namespace.

    Without `storage_class` the cluster's default class provides the volume. With `protect` Pulumi refuses to
    delete the claim; with `retain` it leaves the claim and its data on the cluster when the stack drops it.
    """

    owner: Owner
    namespace: pulumi.Input[str]
    storage: str
    size: str
    storage_class: pulumi.Input[str] | None = None
    access_mode: str = "ReadWriteOnce"
    protect: bool = False
    retain: bool = False


class VolumeClaim(TeamStorage):
    """A volume of a class, which all workloads of a team share."""

    def __init__(self, name: str, args: VolumeClaimArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:platform:VolumeClaim", name, None, opts)
        self.access = ClaimAccess(claim=args.storage)
        spec: core.PersistentVolumeClaimSpecArgsDict = {
            "access_modes": [args.access_mode],
            "resources": {"requests": {"storage": canonical_quantity(args.size)}},
        }
        # Left out for the default class: the API server fills it in, and a later default changes nothing
        # here.
        if args.storage_class is not None:
            spec["storage_class_name"] = args.storage_class
        k8s.core.v1.PersistentVolumeClaim(
            f"{name}-claim",
            metadata={
                "name": args.storage,
                "namespace": args.namespace,
                "labels": object_labels(args.owner, name=args.storage, component="storage"),
                # Most classes bind a claim when its first pod is scheduled, and that pod comes after the
                # claim: a wait for `Bound` would never end. The provider knows such classes when it creates a
                # claim, but on an update it waits for the phase `Pending`, which a bound claim never has
                # again.
                "annotations": {"pulumi.com/skipAwait": "true"},
            },
            spec=spec,
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect, retain_on_delete=args.retain),
        )
        self.register_outputs({"claim": args.storage})
