"""What trainings of every engine have in common: what they run, where data and models are, and the pods that train."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from components.jobs import JobArgs, Schedule, Stored, account_name, job_template
from components.placement import Placement
from components.platform.connection import Connection
from components.pods import Program
from components.storage.access import TeamStorage

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core

CHECKPOINT_ROOT = "/checkpoints"
DATA_ROOT = "/data"
MODEL_ROOT = "/models"
COMPONENT = "training"


@dataclass(frozen=True, kw_only=True)
class Role:
    """Alike pods of a training. `name` is that of the container, too."""

    name: str
    program: Program
    placement: Placement
    count: int = 1


@dataclass(frozen=True, kw_only=True)
class TrainingArgs(JobArgs):
    """One `training` entry of a team.

    `roles` are the pods that train together, `prepare` is None when the data needs no preparation. `retries` and
    `timeout_seconds` hold for the preparation and for the training. `schedule` trains again, the same recipe.
    """

    model: str
    roles: Sequence[Role]
    prepare: Role | None
    data: TeamStorage
    models: TeamStorage
    checkpoints: TeamStorage | None = None
    schedule: Schedule | None = None


@dataclass(frozen=True, kw_only=True)
class OperatedArgs:
    """A training that an operator runs.

    `connection` is the cluster's, to follow the training to its end. `after`: the operators, where this stack has them.
    """

    training: TrainingArgs
    connection: Connection
    after: Sequence[pulumi.Resource] = ()


def train_storages(args: TrainingArgs) -> tuple[Stored, ...]:
    """What the pods that train reach: the data, the models, and the checkpoints if any are kept."""
    kept = [Stored(access=args.checkpoints.access, path=CHECKPOINT_ROOT, read_only=False)] if args.checkpoints else []
    return (
        Stored(access=args.data.access, path=DATA_ROOT, read_only=True),
        Stored(access=args.models.access, path=MODEL_ROOT, read_only=False),
        *kept,
    )


def pod_template(
    args: TrainingArgs,
    role: Role,
    *,
    step: str,
    storages: Sequence[Stored],
    variables: Mapping[str, str],
    container_name: str | None = None,
) -> core.PodTemplateSpecArgsDict:
    """The pods of a role. `step` (`prepare`, `train`) tells those that prepare data from those that train."""
    return job_template(
        args,
        role.program,
        component=COMPONENT,
        instance=f"{args.entry}-{step}",
        container_name=container_name or role.name,
        placement=role.placement,
        storages=storages,
        variables=variables,
    )


def service_account_name(entry: str) -> str:
    return account_name(entry, COMPONENT)


def data_folder(args: TrainingArgs, version: str) -> str:
    """Where a version of the prepared data is: a folder, or a URI."""
    return f"{args.data.access.root(DATA_ROOT)}/{args.entry}/{version}"


def model_folder(args: TrainingArgs, version: str) -> str:
    """Where a version of the model is: a folder, or a URI."""
    return f"{args.models.access.root(MODEL_ROOT)}/{args.model}/{version}"


def model_variables(args: TrainingArgs, version: str) -> dict[str, str]:
    """Where a version of the model is written, and its checkpoints if any are kept."""
    variables = {"MODEL_DIR": model_folder(args, version), "MODEL_VERSION": version}
    if args.checkpoints is not None:
        root = args.checkpoints.access.root(CHECKPOINT_ROOT)
        # Models may be in the same storage, and no model's name begins with a dot.
        variables["CHECKPOINT_DIR"] = f"{root}/.checkpoints/{args.entry}/{version}"
    return variables
