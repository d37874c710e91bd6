"""From a training entry to its component."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from components.placement import GPU_TOLERATION, Placement
from components.pods import Program
from components.priorities import names as priorities
from components.training.job import TrainingJob
from components.training.mpi import MpiArgs, MpiTraining
from components.training.pytorchjob import Elastic, PyTorchJobArgs, PyTorchJobTraining
from components.training.ray import RayJobArgs, RayJobTraining
from components.training.recipe import OperatedArgs, Role, TrainingArgs
from components.training.tensorflow import TensorFlowTraining
from components.training.torch import TorchTraining
from components.training.trained import Trained
from stacks.training.config import Training
from stacks.training.engines.job import JobTraining
from stacks.training.engines.mpi import MpiTrainingConfig
from stacks.training.engines.pytorch import PyTorchTraining
from stacks.training.engines.ray import RayTraining
from stacks.training.engines.tensorflow import TensorFlowTrainingConfig
from stacks.training.entry import TrainingEntry
from stacks.workloads.arguments import placement_of, program_of, schedule_of
from stacks.workloads.config import ResourcesConfig
from stacks.workloads.place import TeamPlace


def build_training(place: TeamPlace, entry: Training) -> Trained:
    """The training of an entry, whatever its engine."""
    name, args = f"{place.owner.team}-training-{entry.name}", training_args(place, entry)
    connection = place.cluster.connection
    operated = OperatedArgs(training=args, connection=connection, after=place.operators)
    match entry:
        case JobTraining():
            return TrainingJob(name, args, place.child)
        case PyTorchTraining(api="pytorchjob"):
            return PyTorchJobTraining(
                name,
                PyTorchJobArgs(
                    training=args,
                    connection=connection,
                    after=place.operators,
                    elastic=elastic_of(entry),
                ),
                place.child,
            )
        case PyTorchTraining():
            return TorchTraining(name, operated, place.child)
        case RayTraining():
            return RayJobTraining(
                name,
                RayJobArgs(
                    training=args,
                    connection=connection,
                    after=place.operators,
                    least=entry.workers.min,
                    version=entry.ray_version,
                ),
                place.child,
            )
        case TensorFlowTrainingConfig():
            return TensorFlowTraining(name, operated, place.child)
        case MpiTrainingConfig():
            mpi = MpiArgs(training=args, connection=connection, after=place.operators, slots=entry.slots)
            return MpiTraining(name, mpi, place.child)
        case _:
            assert_never(entry)


def elastic_of(entry: PyTorchTraining) -> Elastic | None:
    """With how many workers an elastic training goes on."""
    if entry.elastic is None:
        return None
    return Elastic(
        least=entry.elastic.min, most=entry.elastic.max or entry.workers, restarts=entry.elastic.max_restarts
    )


def training_args(place: TeamPlace, entry: Training) -> TrainingArgs:
    """What trainings of every engine need to know."""
    team = place.owner.team
    prepare = prepare_program(entry, place.registry)
    return TrainingArgs(
        owner=place.owner,
        namespace=place.namespace,
        entry=entry.name,
        model=entry.trained_model,
        roles=[
            Role(
                name=pods.role,
                count=pods.count,
                program=place.program(train_program(entry, pods.resources, place.registry)),
                placement=placement_of(pods.placement, team, priority=priorities.TRAINING),
            )
            for pods in entry.train_sets()
        ],
        prepare=Role(name="prepare", program=place.program(prepare), placement=prepare_placement(entry, team))
        if prepare
        else None,
        data=place.storages[entry.data],
        models=place.storages[entry.model],
        checkpoints=place.storages[entry.checkpoint] if entry.checkpoint else None,
        schedule=schedule_of(entry),
        rerun=entry.rerun,
        retries=entry.retries,
        timeout_seconds=entry.timeout,
        queued=place.queues.queued(entry.queue_priority) if place.queues else None,
        image_pull_secret=place.image_pull_secret,
    )


def train_program(entry: TrainingEntry, resources: ResourcesConfig, registry: str) -> Program:
    """What one of the pods that train runs."""
    return program_of(
        entry,
        image=entry.image,
        registry=registry,
        resources=resources,
        command=entry.program,
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


def prepare_placement(entry: TrainingEntry, team: str) -> Placement:
    """Where the Job that prepares data runs: where the entry says, or anywhere where that is a pool of GPU nodes.

    Preparing data needs no GPU, and GPU nodes have better things to do. An entry that trains on GPUs and selects its
    nodes by label most likely selects GPU nodes, too; there the pod tolerates their taint, or it would never start.
    """
    placement = placement_of(entry, team, priority=priorities.TRAINING)
    trains_on_gpus = any(pods.resources.gpu_resources for pods in entry.train_sets())
    if not trains_on_gpus or entry.preprocess_resources.gpu_resources:
        return placement
    if entry.pool is not None:
        return Placement(priority=placement.priority)
    if not entry.node_selector:
        return placement
    return replace(placement, tolerations=[*placement.tolerations, GPU_TOLERATION])
