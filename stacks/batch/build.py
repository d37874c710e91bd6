"""From a batch entry to its component."""

from __future__ import annotations

import pulumi

from components.batch.inference import DATA_ROOT, BatchArgs, BatchInference
from components.priorities import names as priorities
from stacks.batch.config import BatchEntry
from stacks.workloads.arguments import placement_of, program_of, schedule_of
from stacks.workloads.place import TeamPlace


def build_batch(
    place: TeamPlace,
    entry: BatchEntry,
    *,
    version: str,
    storage: str,
    prepared: str | None,
    after: list[pulumi.Resource],
) -> BatchInference:
    """The answers of a version of a model, which is in `storage`.

    `prepared` is the data that it was trained on, if that is in the entry's storage. `after`: the training, if any.
    """
    data = place.storages[entry.data]
    folder = f"{data.access.root(DATA_ROOT)}/{entry.input}" if entry.input else prepared
    return BatchInference(
        f"{place.owner.team}-batch-{entry.name}",
        BatchArgs(
            owner=place.owner,
            namespace=place.namespace,
            entry=entry.name,
            program=place.program(
                program_of(
                    entry,
                    image=entry.image,
                    registry=place.registry,
                    resources=entry.resources,
                    command=entry.command,
                    args=entry.args,
                )
            ),
            placement=placement_of(entry, place.owner.team, priority=priorities.TRAINING),
            model=entry.model,
            version=version,
            models=place.storages[storage],
            data=data,
            data_dir=folder,
            output=place.storages[entry.output],
            shards=entry.shards,
            parallelism=entry.pods_at_a_time,
            schedule=schedule_of(entry),
            rerun=entry.rerun,
            retries=entry.retries,
            timeout_seconds=entry.timeout,
            queued=place.queues.queued(entry.queue_priority) if place.queues else None,
            image_pull_secret=place.image_pull_secret,
            after=after,
        ),
        place.child,
    )
