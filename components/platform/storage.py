"""Storage of an environment as a team sees it: one claim for each storage that its workloads use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from components.labels import Owner, object_labels


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
    storage_class: str | None = None
    access_mode: str = "ReadWriteOnce"
    protect: bool = False
    retain: bool = False


class VolumeClaim(pulumi.ComponentResource):
    """A volume that all workloads of a team share: what one of them writes, the others read."""

    claim: str

    def __init__(self, name: str, args: VolumeClaimArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:platform:VolumeClaim", name, None, opts)
        self.claim = args.storage
        chosen_class: Mapping[str, str] = (
            {"storage_class_name": args.storage_class} if args.storage_class else {}
        )
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
            spec={
                "access_modes": [args.access_mode],
                "resources": {"requests": {"storage": args.size}},
                # Left out for the default class: the API server fills it in, and a later default changes
                # nothing here.
                **chosen_class,
            },
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect, retain_on_delete=args.retain),
        )
        self.register_outputs({"claim": self.claim})
