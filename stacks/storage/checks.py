"""Rules between the storages of a stack and its other sections, as in `stacks.teams.checks`."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from components.quantities import format_bytes, parse_quantity
from stacks.language.faults import Fault, Path
from stacks.language.model import did_you_mean, shown
from stacks.storage.config import (
    OWN_PREFIX,
    EfsStorage,
    FsxStorage,
    NfsStorage,
    S3Storage,
    Storage,
    VolumeStorage,
    has_claim,
    is_shared_folder,
)
from stacks.workloads.pod_sets import demand

if TYPE_CHECKING:
    from stacks.clouds.aws.config import AwsCluster
    from stacks.clouds.config import Cluster
    from stacks.environment.config import Environment
    from stacks.team_stack.config import TeamStack
    from stacks.teams.config import Team

# The EKS add-on that mounts a kind.
_ADDONS = {"efs": "aws-efs-csi-driver", "fsx": "aws-fsx-csi-driver", "s3": "aws-mountpoint-s3-csi-driver"}


def environment_faults(environment: Environment) -> Iterator[Fault]:
    """What an environment must have for its storages."""
    for index, storage in enumerate(environment.storage):
        path = ("storage", index)
        yield from _source_faults(storage, environment, path)
        if environment.cluster.kind == "aws":
            yield from _addon_faults(storage, environment.cluster, path)
        yield from _identity_faults(storage, environment.cluster, path)
    if environment.cluster.kind == "local" and environment.storage_drivers:
        message = "the embedded cluster's node cannot mount NFS, its kernel may lack it; remove the key"
        yield Fault(path=("storageDrivers",), message=message)
    if "nfs" not in environment.storage_drivers and environment.cluster.kind == "aws":
        for index, storage in enumerate(environment.storage):
            if isinstance(storage, NfsStorage) and storage.provisioning == "dynamic":
                message = "needs csi-driver-nfs, which EKS does not bring; add storageDrivers: [nfs] to the environment"
                yield Fault(path=("storage", index, "provisioning"), message=message, complete=(("storageDrivers",),))


def team_stack_faults(stack: TeamStack) -> Iterator[Fault]:
    """A team's stack makes objects of its namespace only: no volumes and classes, which are the cluster's."""
    for index, storage in enumerate(stack.storage):
        if isinstance(storage, VolumeStorage):
            continue
        if has_claim(storage):
            remedy = "write kind: volume with the storageClass that the environment has for it"
            message = f"{storage.kind} needs rights on the whole cluster, which a team's stack has not; {remedy}"
            yield Fault(path=("storage", index, "kind"), message=message)
        elif isinstance(storage, S3Storage) and storage.bucket is None:
            message = "is required in a team's stack: its environment's S3 server is out of its reach; name a bucket"
            yield Fault(path=("storage", index, "bucket"), message=message)
        elif isinstance(storage, S3Storage) and storage.endpoint is None and storage.region is None:
            message = "is required in a team's stack, which does not know its cluster's; write the bucket's region"
            yield Fault(path=("storage", index, "region"), message=message)


def _source_faults(storage: Storage, environment: Environment, path: Path) -> Iterator[Fault]:
    """Storages that rely on something of the environment which is not there."""
    aws = environment.cluster if environment.cluster.kind == "aws" else None
    match storage:
        case EfsStorage(file_system=None):
            if aws is None or aws.shared_files is None:
                remedy = "add cluster.sharedFiles" if aws else "name an EFS file system"
                yield Fault(path=(*path, "fileSystem"), message=f"is required, for this stack makes none; {remedy}")
        case FsxStorage(file_system=None, provisioning="static"):
            if aws is None or aws.lustre is None:
                remedy = "add cluster.lustre" if aws else "name a file system, dnsName and mountName"
                message = f"is required, for this stack makes none; {remedy}, or write provisioning: dynamic"
                yield Fault(path=(*path, "fileSystem"), message=message)
        case S3Storage(bucket=str(bucket), prefix=str(prefix)) if aws and _is_own(bucket, aws):
            if not prefix.startswith(OWN_PREFIX):
                message = f"{shown(prefix)} is out of reach: the role of a team sees {OWN_PREFIX} only; begin with that"
                yield Fault(path=(*path, "prefix"), message=message, complete=(("cluster", "buckets"),))
        case S3Storage(bucket=None):
            if environment.object_store is None:
                remedy = "name one, or add objectStore: {size: …} to the environment"
                message = f"is required, for the environment has no S3 server of its own; {remedy}"
                yield Fault(path=(*path, "bucket"), message=message, complete=(("objectStore",),))
        case _:
            pass


def _is_own(bucket: str, cluster: AwsCluster) -> bool:
    return bucket in [known.name for known in cluster.buckets]


def _addon_faults(storage: Storage, cluster: AwsCluster, path: Path) -> Iterator[Fault]:
    addon = _ADDONS.get(storage.kind)
    if addon is not None and has_claim(storage) and addon not in cluster.addons:
        message = f"{storage.kind} is mounted by the add-on {addon}, which cluster.addons leaves out; add it there"
        yield Fault(path=(*path, "kind"), message=message, complete=(("cluster", "addons"),))


def _identity_faults(storage: Storage, cluster: Cluster, path: Path) -> Iterator[Fault]:
    """The embedded cluster's service accounts are nobody outside it."""
    if not isinstance(storage, S3Storage) or storage.bucket is None or cluster.kind != "local":
        return
    if storage.access == "env" and (storage.credentials is None or storage.credentials.kind == "identity"):
        message = "service accounts of the embedded cluster have no rights elsewhere; name a Secret, kind: secret"
        yield Fault(path=(*path, "credentials"), message=message)


def team_faults(environment: Environment | TeamStack) -> Iterator[Fault]:
    """Rules between the storages and the workloads that use them."""
    known = {storage.name: (index, storage) for index, storage in enumerate(environment.storage)}
    users: dict[str, str] = {}
    for team_index, team in enumerate(environment.teams):
        path = ("teams", team_index)
        yield from _writer_faults(team, known, path)
        yield from _client_faults(team, known, path)
        for name in dict.fromkeys(used for _, used in storage_uses(team)):
            if name not in known:
                continue
            index, storage = known[name]
            first = users.setdefault(name, team.name)
            if first != team.name and is_shared_folder(storage) and not getattr(storage, "shared", False):
                place = {"s3": "prefix", "fsx": "shared"}.get(storage.kind, "path")
                remedy = "write shared: true if they may" if place == "shared" else "put {team} in it, or shared: true"
                message = f"gives teams[{first}] and teams[{team.name}] the same folder; {remedy}"
                yield Fault(path=("storage", index, place), message=message, untouched=(("storage", index, "shared"),))
                users[name] = team.name


def storage_uses(team: Team) -> Iterator[tuple[Path, str]]:
    """Where the team's workloads name storages, and which."""
    for index, entry in enumerate(team.training):
        yield ("training", index, "data"), entry.data
        yield ("training", index, "model"), entry.model
    for index, server in enumerate(team.serving):
        if server.storage is not None:
            yield ("serving", index, "storage"), server.storage


def _writer_faults(team: Team, known: dict[str, tuple[int, Storage]], path: Path) -> Iterator[Fault]:
    """Workloads that write where nothing can be written, or not the way that they write."""
    for index, entry in enumerate(team.training):
        written = {"model": entry.model} | ({"data": entry.data} if entry.preprocess is not None else {})
        for key, name in written.items():
            place = (*path, "training", index, key)
            _, storage = known.get(name, (0, None))
            remedy = "name another storage" + (", or write preprocess: false" if key == "data" else "")
            if isinstance(storage, S3Storage) and storage.access == "mountpoint":
                message = (
                    f"is written, and Mountpoint cannot rename, so nothing could be published whole in {shown(name)}; "
                    f"{remedy}, or access: env there"
                )
                yield Fault(path=place, message=message, complete=(("storage",),))
            elif storage is not None and storage.access_mode == "ReadOnlyMany":
                message = f"is written, but {shown(name)} is ReadOnlyMany; {remedy}"
                yield Fault(path=place, message=message, complete=(("storage",),))


def _client_faults(team: Team, known: dict[str, tuple[int, Storage]], path: Path) -> Iterator[Fault]:
    """Trainings whose data and model are in buckets of two S3 servers: a program has one set of variables."""
    for index, entry in enumerate(team.training):
        data, model = (known.get(name, (0, None))[1] for name in (entry.data, entry.model))
        if not (isinstance(data, S3Storage) and isinstance(model, S3Storage)) or has_claim(data) or has_claim(model):
            continue
        for key in ("endpoint", "region", "credentials"):
            own_server = (data.bucket is None) != (model.bucket is None)
            if own_server or getattr(data, key) != getattr(model, key):
                message = (
                    f"{shown(entry.model)} is on another S3 server than the data ({shown(entry.data)}), or of other "
                    "credentials, and a program has one set of them; name storages of the same endpoint, region and "
                    "credentials"
                )
                yield Fault(path=(*path, "training", index, "model"), message=message, complete=(("storage",),))
                break


def storage_faults(environment: Environment | TeamStack) -> Iterator[Fault]:
    """Workloads that name an unknown storage, and quotas below the sizes of a team's claims."""
    sizes = {
        storage.name: parse_quantity(storage.size) if has_claim(storage) else Fraction(0)
        for storage in environment.storage
    }
    known = f"the environment's storages are {', '.join(sizes)}" if sizes else "the environment declares none"
    for team_index, team in enumerate(environment.teams):
        used: dict[str, Fraction] = {}
        for path, name in storage_uses(team):
            if name in sizes:
                used[name] = sizes[name]
                continue
            message = f"there is no storage {shown(name)}; {known}{did_you_mean(name, sizes)}"
            yield Fault(path=("teams", team_index, *path), message=message, complete=(("storage",),))
        total = sum(used.values(), Fraction(0))
        limit = team.quota.storage if team.quota else None
        if limit is not None and total > parse_quantity(limit):
            asked = ", ".join(f"{name} {format_bytes(size)}" for name, size in used.items() if size)
            remedy = f"raise it to at least {format_bytes(total)}"
            message = f"{shown(limit)} is below the sizes of the team's claims ({asked}); {remedy}"
            yield Fault(path=("teams", team_index, "quota", "storage"), message=message, complete=(("storage",),))


def sharing_faults(environment: Environment | TeamStack, *, one_node: bool) -> Iterator[Fault]:
    """Volumes whose access mode forbids that all the pods that need them mount them.

    `one_node`: whether all pods run on one node, as on the embedded cluster; `ReadWriteOnce` is enough there.
    """
    for index, storage in enumerate(environment.storage):
        if storage.kind != "volume" or storage.access_mode == "ReadWriteMany":
            continue
        if storage.access_mode == "ReadWriteOnce" and one_node:
            continue
        for team in environment.teams:
            users = _users(team, storage.name)
            if sum(users.values()) < 2:
                continue
            where = "one pod" if storage.access_mode == "ReadWriteOncePod" else "the pods of one node"
            remedy = "ReadWriteOnce or ReadWriteMany" if one_node else "ReadWriteMany, with a storageClass that has it"
            message = (
                f"{storage.access_mode} is for {where} only, but teams[{team.name}] mounts the volume in "
                f"{', '.join(users)}; write {remedy}"
            )
            path = ("storage", index, "accessMode")
            yield Fault(path=path, message=message, untouched=(path,))
            break


def _users(team: Team, storage: str) -> dict[str, int]:
    """The workloads of a team that mount a storage, with the most pods of each at one time."""
    users = {
        f"training[{entry.name}]": int(demand([entry], "pods"))
        for entry in team.training
        if storage in (entry.data, entry.model)
    }
    for server in team.serving:
        trainer = team.trainer_of(server.model)
        if storage == (trainer.model if trainer else server.storage):
            users[f"serving[{server.name}]"] = int(demand([server], "pods"))
    return users
