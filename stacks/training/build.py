"""From a training entry to its component."""

from __future__ import annotations

from dataclasses import replace

from components.placement import GPU_TOLERATION, Placement
from components.pods import Program
from components.priorities import names as priorities
from components.training.job import TrainingJob, TrainingJobArgs
from components.training.trained import Trained
from stacks.training.config import Training
from stacks.training.entry import TrainingEntry
from stacks.workloads.arguments import placement_of, program_of
from stacks.workloads.config import Resources
from stacks.workloads.place import TeamPlace


def build_training(place: TeamPlace, entry: Training) -> Trained:
    """The training of an entry, whatever its engine."""
    prepare = prepare_program(entry, place.registry)
    train = train_program(entry, entry.resources, place.registry)
    return TrainingJob(
        f"{place.owner.team}-training-{entry.name}",
        TrainingJobArgs(
            owner=place.owner,
            namespace=place.namespace,
            entry=entry.name,
            model=entry.trained_model,
            train=place.program(train),
            prepare=place.program(prepare) if prepare else None,
            data=place.storages[entry.data],
            models=place.storages[entry.model],
            train_placement=training_placement(entry, place.owner.team),
            prepare_placement=prepare_placement(entry, place.owner.team),
            rerun=entry.rerun,
            retries=entry.retries,
            timeout_seconds=entry.timeout,
            queued=place.queues.queued(entry.queue_priority) if place.queues else None,
            image_pull_secret=place.image_pull_secret,
        ),
        place.child,
    )


def train_program(entry: TrainingEntry, resources: Resources, registry: str) -> Program:
    """What one of the pods that train runs."""
    return program_of(
        entry,
        image=entry.image,
        registry=registry,
        resources=resources,
        command=entry.command,
        args=entry.args,
    )


def prepare_program(entry: TrainingEntry, registry: str) -> Program | None:
    """What prepares the data, in the entry's image unless it has one of its own; None where nothing does."""
    preprocess = entry.preprocess
    if preprocess is None:
        return None
    return program_of(
        preprocess,
        image=preprocess.image or entry.image,
        registry=registry,
        resources=entry.preprocess_resources,
        command=preprocess.command,
        args=preprocess.args,
    )


def training_placement(entry: TrainingEntry, team: str) -> Placement:
    return placement_of(entry, team, priority=priorities.TRAINING)


def prepare_placement(entry: TrainingEntry, team: str) -> Placement:
    """Where the Job that prepares data runs: where the entry says, or anywhere where that is a pool of GPU nodes.

    Preparing data needs no GPU, and GPU nodes have better things to do. An entry that trains on GPUs and selects its
    nodes by label most likely selects GPU nodes, too; there the pod tolerates their taint, or it would wait for ever.
    """
    placement = training_placement(entry, team)
    trains_on_gpus = any(pods.resources.gpu_resources for pods in entry.workers())
    if not trains_on_gpus or entry.preprocess_resources.gpu_resources:
        return placement
    if entry.pool is not None:
        return Placement(priority=placement.priority)
    if not entry.node_selector:
        return placement
    return replace(placement, tolerations=[*placement.tolerations, GPU_TOLERATION])
