"""The file systems and buckets that a cluster's own stack made, for storages that name none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi


@dataclass(frozen=True, kw_only=True)
class LustreAddress:
    """What a node needs to mount an FSx file system."""

    id: pulumi.Input[str]
    dns_name: pulumi.Input[str]
    mount_name: pulumi.Input[str]


@dataclass(frozen=True, kw_only=True)
class OwnStorage:
    """Empty where the cluster is not one that this program makes.

    `efs` is the id of a file system, `efs_class` its StorageClass, `folders` its access points by team; `buckets`
    are full names by the name that the config has for them.
    """

    region: str | None = None
    efs: pulumi.Input[str] | None = None
    efs_class: str | None = None
    folders: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])
    lustre: LustreAddress | None = None
    buckets: Mapping[str, str] = field(default_factory=dict[str, str])
