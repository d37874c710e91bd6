"""Rules between the storages of a stack and the workloads that use them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from components.quantities import format_bytes, parse_quantity
from stacks.batch.config import BatchEntry
from stacks.language.faults import Fault, Path
from stacks.language.model import did_you_mean, shown
from stacks.serving.config import Serving
from stacks.serving.engines.stateful import StatefulServing
from stacks.serving.engines.tensorflow import TensorFlowServing
from stacks.serving.entry import ModelServing
from stacks.storage.config import S3Storage, Storage, has_claim
from stacks.teams.config import TeamConfig
from stacks.training.config import Training
from stacks.workloads.pod_sets import demand


def storage_uses(team: TeamConfig) -> Iterator[tuple[Path, str]]:
    """Where the team's workloads name storages, and which."""
    for index, entry in enumerate(team.training):
        yield ("training", index, "data"), entry.data
        yield ("training", index, "model"), entry.model
        if entry.checkpoint is not None:
            yield ("training", index, "checkpoint"), entry.checkpoint
    for index, server in enumerate(team.serving):
        if isinstance(server, ModelServing) and server.storage is not None:
            yield ("serving", index, "storage"), server.storage
        if isinstance(server, StatefulServing) and server.backup is not None:
            yield ("serving", index, "backup", "storage"), server.backup.storage
    for index, batch in enumerate(team.batch):
        yield ("batch", index, "data"), batch.data
        yield ("batch", index, "output"), batch.output
        if batch.storage is not None:
            yield ("batch", index, "storage"), batch.storage


def name_faults(team: TeamConfig, storage: Sequence[Storage]) -> Iterator[Fault]:
    """Workloads that name an unknown storage."""
    names = [one.name for one in storage]
    known = f"the environment's storages are {', '.join(names)}" if names else "the environment declares none"
    for path, name in storage_uses(team):
        if name not in names:
            message = f"there is no storage {shown(name)}; {known}{did_you_mean(name, names)}"
            yield Fault(path=("team", *path), message=message)


def quota_faults(team: TeamConfig, storage: Sequence[Storage]) -> Iterator[Fault]:
    """A quota below the sizes of the team's claims."""
    sizes = {one.name: parse_quantity(one.size) if has_claim(one) else Fraction(0) for one in storage}
    used = {name: sizes[name] for _, name in storage_uses(team) if name in sizes}
    for server in team.serving:
        if isinstance(server, StatefulServing):
            used[f"serving[{server.name}]"] = parse_quantity(server.volume.size) * server.replicas
    total = sum(used.values(), Fraction(0))
    limit = team.quota.storage if team.quota else None
    if limit is not None and total > parse_quantity(limit):
        asked = ", ".join(f"{name} {format_bytes(size)}" for name, size in used.items() if size)
        remedy = f"raise it to at least {format_bytes(total)}"
        message = f"{shown(limit)} is below the sizes of the team's claims ({asked}); {remedy}"
        yield Fault(path=("team", "quota", "storage"), message=message)


def folder_faults(storage: Storage, teams: Sequence[TeamConfig]) -> Iterator[Fault]:
    """A folder that several teams use, and that is not said to be shared."""
    if not storage.is_one_folder or getattr(storage, "shared", False):
        return
    users = [team.name for team in teams if storage.name in (name for _, name in storage_uses(team))]
    if len(users) > 1:
        place = storage.folder_key
        remedy = "write shared: true if they may" if place == "shared" else "put {team} in it, or shared: true"
        message = f"gives teams[{users[0]}] and teams[{users[1]}] the same folder; {remedy}"
        yield Fault(path=("storage", place), message=message)


def writer_faults(entry: Training | BatchEntry, storage: Sequence[Storage]) -> Iterator[Fault]:
    """A workload that writes where nothing can be written, or not the way that it writes."""
    known = {one.name: one for one in storage}
    for key, name in _written(entry).items():
        place = ("entry", key)
        target = known.get(name)
        remedy = "name another storage" + (", or write preprocess: false" if key == "data" else "")
        if isinstance(target, S3Storage) and target.access == "mountpoint":
            message = (
                f"is written, and Mountpoint cannot rename, so nothing could be published whole in {shown(name)}; "
                f"{remedy}, or access: env there"
            )
            yield Fault(path=place, message=message)
        elif target is not None and target.access_mode == "ReadOnlyMany":
            message = f"is written, but {shown(name)} is ReadOnlyMany; {remedy}"
            yield Fault(path=place, message=message)


def folder_storage_faults(team: TeamConfig, storage: Sequence[Storage]) -> Iterator[Fault]:
    """A server that needs its model as a folder, and a storage that mounts none."""
    known = {one.name: one for one in storage}
    for index, server in enumerate(team.serving):
        if not isinstance(server, TensorFlowServing):
            continue
        trainer = team.trainer_of(server.model)
        name = trainer.model if trainer else server.storage
        source = known.get(name) if name else None
        if source is not None and not has_claim(source):
            message = (
                f"is in {shown(source.name)}, which programs reach as a bucket, and TensorFlow Serving needs a folder; "
                "train it into a volume, or write access: mountpoint for a bucket that it only reads"
            )
            yield Fault(path=("team", "serving", index, "model"), message=message)


def backup_faults(server: Serving, storage: Sequence[Storage]) -> Iterator[Fault]:
    """Backups that are written where nothing can be written whole."""
    backup = server.backup if isinstance(server, StatefulServing) else None
    target = next((one for one in storage if backup and one.name == backup.storage), None)
    place = ("server", "backup", "storage")
    if isinstance(target, S3Storage) and target.access == "mountpoint":
        message = f"Mountpoint cannot rename, so no backup could be written whole in {shown(target.name)}"
        yield Fault(path=place, message=f"{message}; name another storage, or write access: env there")
    elif target is not None and target.access_mode == "ReadOnlyMany":
        yield Fault(path=place, message=f"is written, but {shown(target.name)} is ReadOnlyMany; name another storage")


def _written(entry: Training | BatchEntry) -> dict[str, str]:
    """The storages that an entry writes, by the keys that name them."""
    if isinstance(entry, BatchEntry):
        return {"output": entry.output}
    written = {"model": entry.model} | ({"data": entry.data} if entry.preprocess is not None else {})
    return written | ({"checkpoint": entry.checkpoint} if entry.checkpoint is not None else {})


def client_faults(entry: Training, storage: Sequence[Storage]) -> Iterator[Fault]:
    """A training whose data and model are in buckets of two S3 servers."""
    yield from _server_faults("model", entry.data, entry.model, storage)


def batch_client_faults(team: TeamConfig, storage: Sequence[Storage]) -> Iterator[Fault]:
    """Batch inference whose data, model and answers are in buckets of several S3 servers."""
    for index, entry in enumerate(team.batch):
        trainer = team.trainer_of(entry.model)
        model = trainer.model if trainer else entry.storage
        for key, other in (("output", entry.output), ("data", entry.data)):
            for fault in _server_faults(key, model or entry.data, other, storage):
                yield Fault(path=("team", "batch", index, key), message=fault.message)
                break


def _server_faults(place: str, first: str, second: str, storage: Sequence[Storage]) -> Iterator[Fault]:
    """Two storages of a program that are on different S3 servers: it has one set of variables."""
    known = {one.name: one for one in storage}
    data, model = known.get(first), known.get(second)
    if not (isinstance(data, S3Storage) and isinstance(model, S3Storage)) or has_claim(data) or has_claim(model):
        return
    for key in ("endpoint", "region", "credentials"):
        own_server = (data.bucket is None) != (model.bucket is None)
        if own_server or getattr(data, key) != getattr(model, key):
            message = (
                f"{shown(second)} is on another S3 server than {shown(first)}, or of other "
                "credentials, and a program has one set of them; name storages of the same endpoint, region and "
                "credentials"
            )
            yield Fault(path=("entry", place), message=message)
            break


def mode_faults(storage: Storage, team: TeamConfig, one_node: bool) -> Iterator[Fault]:
    """A volume whose access mode forbids that all the pods that need it mount it.

    one_node: whether all pods run on one node.
    """
    if storage.kind != "volume" or storage.access_mode == "ReadWriteMany":
        return
    if storage.access_mode == "ReadWriteOnce" and one_node:
        return
    users = _users(team, storage.name)
    if sum(users.values()) >= 2:
        where = "one pod" if storage.access_mode == "ReadWriteOncePod" else "the pods of one node"
        remedy = "ReadWriteOnce or ReadWriteMany" if one_node else "ReadWriteMany, with a storageClass that has it"
        message = (
            f"{storage.access_mode} is for {where} only, but teams[{team.name}] mounts the volume in "
            f"{', '.join(users)}; write {remedy}"
        )
        yield Fault(path=("storage", "accessMode"), message=message)


def _users(team: TeamConfig, storage: str) -> dict[str, int]:
    """The workloads of a team that mount a storage, with the most pods of each at one time."""
    users = {
        f"training[{entry.name}]": int(demand([entry], "pods"))
        for entry in team.training
        if storage in entry.storages()
    }
    for server in team.model_servers:
        trainer = team.trainer_of(server.model)
        if storage == (trainer.model if trainer else server.storage):
            users[f"serving[{server.name}]"] = int(demand([server], "pods"))
    for server in team.serving:
        if isinstance(server, StatefulServing) and server.backup and server.backup.storage == storage:
            users[f"serving[{server.name}].backup"] = 1
    for entry in team.batch:
        trainer = team.trainer_of(entry.model)
        if storage in (*entry.storages(), trainer.model if trainer else None):
            users[f"batch[{entry.name}]"] = int(demand([entry], "pods"))
    return users
