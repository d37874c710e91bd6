"""What every kind of storage is, whoever adds it: the section `storage:` itself, or a cloud."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stacks.language.addresses import TEAM
from stacks.language.model import ConfigModel
from stacks.language.types import Name, Size

SharedAccessMode = Literal["ReadWriteMany", "ReadOnlyMany"]
Provisioning = Literal["static", "dynamic"]
Reclaim = Literal["Retain", "Delete"]


def names_no_team(path: str | None) -> bool:
    """Whether a path is the same for every team."""
    return path is not None and TEAM not in path


class StorageModel(ConfigModel):
    """A storage of one kind: what it may be asked, with the answers of a kind of which nothing is known."""

    @property
    def is_one_folder(self) -> bool:
        """Whether all teams that use it get the same folder."""
        return False

    @property
    def folder_key(self) -> str:
        """The key that says which folder of the storage a team gets."""
        return "path"

    @property
    def is_of_cluster(self) -> bool:
        """Whether it names no file system, and relies on one of the cluster's own stack."""
        return self.file_system_remedy is not None

    @property
    def file_system_remedy(self) -> str | None:
        """How to name a file system, where the storage names none and relies on one of the cluster's own stack."""
        return None


class SharedStorage(StorageModel):
    """What all kinds have that lie on a server which other teams, or others, use too."""

    name: Name = Field(description="Name that workloads use. Unique in the environment.")
    access_mode: SharedAccessMode = Field(
        default="ReadWriteMany", description="Access mode. `ReadOnlyMany` for data that no workload writes."
    )
    reclaim: Reclaim | None = Field(
        default=None,
        description="What happens to the claim, and with `dynamic` to the data, when the storage is removed from "
        "the stack. Default: `Retain` where data is protected, otherwise `Delete`. Data on a `static` "
        "volume always stays.",
    )
    shared: bool = Field(
        default=False,
        description=f"Whether several teams may use the same folder. Otherwise `path` must contain `{TEAM}`.",
    )


class FileSystemStorage(SharedStorage):
    """A file system that a cloud has a driver for. One that names none is on a file system of the cluster's stack."""

    size: Size
    provisioning: Provisioning
