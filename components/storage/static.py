"""An existing volume: a PersistentVolume that names it, and a team's claim, bound to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as k8s

from components.labels import Owner, object_labels
from components.own_storage import VolumeSource
from components.platform.versioning import version_of
from components.quantities import canonical_quantity
from components.storage.access import ClaimAccess, TeamStorage

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core


@dataclass(frozen=True, kw_only=True)
class StaticVolumeArgs:
    """The claim `storage` of `size` in the team's namespace, on a volume that exists.

    With `protect` Pulumi refuses to delete both objects; with `retain` it leaves them when the stack drops the
    storage. The data stays in any case.
    """

    owner: Owner
    namespace: pulumi.Input[str]
    storage: str
    size: str
    access_mode: str
    source: VolumeSource
    protect: bool = False
    retain: bool = False


def volume_spec(args: StaticVolumeArgs) -> core.PersistentVolumeSpecArgsDict:
    """The spec of the volume. Nobody but the one claim may have it, and its data is never deleted with it."""
    spec: core.PersistentVolumeSpecArgsDict = {
        "capacity": {"storage": canonical_quantity(args.size)},
        "access_modes": [args.access_mode],
        "persistent_volume_reclaim_policy": "Retain",
        "claim_ref": {
            "api_version": "v1",
            "kind": "PersistentVolumeClaim",
            "namespace": args.namespace,
            "name": args.storage,
        },
        **args.source.spec,
    }
    if args.source.mount_options:
        spec["mount_options"] = list(args.source.mount_options)
    return spec


class StaticVolume(TeamStorage):
    """A volume that somebody else made, which all workloads of a team share.

    The volume's name has a hash of its spec: a volume cannot be changed, and one that was released is not bound
    again, so another server or path is another volume.
    """

    volume: pulumi.Output[str]

    def __init__(self, name: str, args: StaticVolumeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:platform:StaticVolume", name, None, opts)
        self.access = ClaimAccess(claim=args.storage)
        kept = pulumi.ResourceOptions(parent=self, protect=args.protect, retain_on_delete=args.retain)
        labels = object_labels(args.owner, name=args.storage, component="storage")
        spec: Any = volume_spec(args)

        def named(known: Any) -> str:
            return f"{args.owner.team}-{args.storage}-{version_of(known)}"

        volume = k8s.core.v1.PersistentVolume(
            f"{name}-volume",
            metadata={"name": pulumi.Output.from_input(spec).apply(named), "labels": labels},
            spec=spec,
            opts=kept,
        )
        self.volume = volume.metadata.name
        k8s.core.v1.PersistentVolumeClaim(
            f"{name}-claim",
            metadata={
                "name": args.storage,
                "namespace": args.namespace,
                "labels": labels,
                # As for a claim of a class: on an update the provider would wait for a phase that is over.
                "annotations": {"pulumi.com/skipAwait": "true"},
            },
            spec={
                "access_modes": [args.access_mode],
                "resources": {"requests": {"storage": canonical_quantity(args.size)}},
                # The empty class keeps the default class from providing another volume.
                "storage_class_name": "",
                "volume_name": self.volume,
            },
            opts=kept,
        )
        self.register_outputs({"claim": args.storage, "volume": self.volume})
