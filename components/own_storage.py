"""Volumes that exist, and the file systems and buckets that a cluster's own stack made, for storages that name none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core


@dataclass(frozen=True, kw_only=True)
class VolumeSource:
    """Where a volume is: the part of a PersistentVolume's spec that differs by kind, such as `{"nfs": {…}}`."""

    spec: core.PersistentVolumeSpecArgsDict
    mount_options: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FileSystem:
    """A file system for the storages of a kind: `class_name` of claims, `folders` by team, or the `whole` of it."""

    class_name: str | None = None
    folders: Mapping[str, VolumeSource] = field(default_factory=dict[str, VolumeSource])
    whole: VolumeSource | None = None

    def of(self, team: str) -> VolumeSource | None:
        """What a team mounts; None where nothing was made for it."""
        return self.folders.get(team, self.whole)


@dataclass(frozen=True, kw_only=True)
class OwnStorage:
    """Empty where the cluster is not one that this program makes.

    `file_systems` are by the kind of storage, `buckets` full names by the name that the config has for them.
    """

    region: str | None = None
    file_systems: Mapping[str, FileSystem] = field(default_factory=dict[str, FileSystem])
    buckets: Mapping[str, str] = field(default_factory=dict[str, str])
