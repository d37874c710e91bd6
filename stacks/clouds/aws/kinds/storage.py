"""The kinds of `storage:` that are file systems of AWS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from stacks.clouds.aws.types import EfsId, FsxId, SecurityGroupId, SubnetId
from stacks.clouds.storage import FileSystemStorage, Provisioning, names_no_team
from stacks.language.addresses import TEAM, ExportPath, Host
from stacks.language.faults import Fault
from stacks.language.model import Many, rule
from stacks.language.types import Filled, Size


class EfsStorage(FileSystemStorage):
    """A folder of an EFS file system, through its CSI driver."""

    kind: Literal["efs"] = Field(description="A folder of EFS.")
    size: Size = Field(description="Capacity of each team's claim. EFS itself sets no limit.")
    file_system: EfsId | None = Field(
        default=None, description="The file system. Default: `cluster.sharedFiles`, with `kind: aws`."
    )
    provisioning: Provisioning = Field(
        default="dynamic",
        description="`dynamic`: an access point for each claim. `static`: `path`, or each team's own access point.",
    )
    path: ExportPath | None = Field(
        default=None, description="With `static` and `fileSystem`: the folder, which must exist."
    )

    @property
    def file_system_remedy(self) -> str | None:
        return "name an EFS file system" if self.file_system is None else None

    @property
    def is_one_folder(self) -> bool:
        return self.provisioning == "static" and names_no_team(self.path)

    @rule("provisioning", "fileSystem", "path")
    def _folder(self) -> Iterator[Fault]:
        given = self.provisioning == "static" and self.file_system is not None
        if given and self.path is None:
            yield Fault(path=("path",), message=f"is required with static; name a folder, such as /teams/{TEAM}")
        if self.path is not None and not given:
            message = "is for provisioning: static with a fileSystem; remove it, or add what is missing"
            yield Fault(path=("path",), message=message)


class FsxStorage(FileSystemStorage):
    """An FSx for Lustre file system, through its CSI driver."""

    kind: Literal["fsx"] = Field(description="A file system of FSx for Lustre.")
    size: Size = Field(
        description="Capacity of the file system. With `dynamic` each team's claim has its own file system."
    )
    file_system: FsxId | None = Field(
        default=None, description="The file system. Default: `cluster.lustre`, with `kind: aws`."
    )
    dns_name: Host | None = Field(default=None, description="DNS name of `fileSystem`.")
    mount_name: Filled | None = Field(default=None, description="Mount name of `fileSystem`.")
    provisioning: Provisioning = Field(
        default="static", description="`dynamic`: a file system for each team's claim, in `subnet`."
    )
    subnet: SubnetId | None = Field(default=None, description="With `dynamic`: subnet of the file systems.")
    security_groups: Many[SecurityGroupId] = Field(
        default=(), description="With `dynamic`: security groups of the file systems."
    )

    @property
    def is_one_folder(self) -> bool:
        return self.provisioning == "static"

    @property
    def folder_key(self) -> str:
        return "shared"

    @property
    def file_system_remedy(self) -> str | None:
        if self.file_system is not None or self.provisioning == "dynamic":
            return None
        return "name a file system, dnsName and mountName, or write provisioning: dynamic"

    @rule("provisioning", "fileSystem", "dnsName", "mountName", "subnet", "securityGroups")
    def _provisioning(self) -> Iterator[Fault]:
        static = {"fileSystem": self.file_system, "dnsName": self.dns_name, "mountName": self.mount_name}
        dynamic = {"subnet": self.subnet, "securityGroups": self.security_groups or None}
        own, other = (dynamic, static) if self.provisioning == "dynamic" else (static, dynamic)
        for key in (key for key, value in other.items() if value is not None):
            remedy = f"remove it, or write provisioning: {'static' if other is static else 'dynamic'}"
            message = f"means nothing with provisioning: {self.provisioning}; {remedy}"
            yield Fault(path=(key,), message=message)
        missing = [key for key, value in own.items() if value is None]
        if missing and (self.provisioning == "dynamic" or len(missing) < len(own)):
            for key in missing:
                message = f"is required beside {' and '.join(key for key in own if key not in missing) or 'dynamic'}"
                yield Fault(path=(key,), message=f"{message}; add it")
