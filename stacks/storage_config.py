"""The storage that an environment declares and its workloads name."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stacks.config_model import ConfigModel
from stacks.types import Name, ObjectName, Size

AccessMode = Literal["ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"]


class VolumeStorage(ConfigModel):
    """A PersistentVolumeClaim in each team that uses it, filled by the cluster's provisioner."""

    name: Name = Field(description="Name that workloads use; unique in the environment.")
    kind: Literal["volume"] = Field(description="A volume of a StorageClass.")
    size: Size = Field(description="Capacity of each team's claim.")
    access_mode: AccessMode = Field(
        default="ReadWriteOnce",
        description="`ReadWriteMany` where training and serving share it on a cluster of several nodes.",
    )
    storage_class: ObjectName | None = Field(
        default=None,
        description="StorageClass of the claim. Else that of the cluster section, else the default class.",
    )
    reclaim: Literal["Retain", "Delete"] | None = Field(
        default=None,
        description="What becomes of claim and data when the stack drops the storage. "
        "Else `Retain` where data is protected (`protectData`), `Delete` where not.",
    )


# The kinds of storage; another one makes this a union on `kind`.
Storage = VolumeStorage
