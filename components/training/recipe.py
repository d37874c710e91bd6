"""What trainings of every engine have in common: what they run, where data and models are, and the pods that train."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from components.labels import Owner, platform_labels, selector_labels
from components.placement import Placement, spread_constraints
from components.platform.connection import Connection
from components.pods import Mount, Program, container, pod_spec
from components.queueing.names import PRIORITY_LABEL, QUEUE_LABEL
from components.queueing.queued import Queued
from components.storage.access import Access, TeamStorage

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core

CHECKPOINT_ROOT = "/checkpoints"
DATA_ROOT = "/data"
MODEL_ROOT = "/models"
COMPONENT = "training"

# What sysexits.h calls a wrong command line, wrong input data and a wrong configuration: another try cannot
# help.
HOPELESS_EXIT_CODES = (64, 65, 78)
# Pulumi must outlast the Job's own deadline, or it would report a timeout in place of the Job's failure.
AWAIT_MARGIN_SECONDS = 120
# A training stays in the queue that it was made for: Kueue refuses to move one that has started, also into its first
# queue.
QUEUE_LABELS = (f'metadata.labels["{QUEUE_LABEL}"]', f'metadata.labels["{PRIORITY_LABEL}"]')


@dataclass(frozen=True, kw_only=True)
class Role:
    """Alike pods of a training. `name` is that of the container, too."""

    name: str
    program: Program
    placement: Placement
    count: int = 1


@dataclass(frozen=True, kw_only=True)
class TrainingArgs:
    """One `training` entry of a team.

    `roles` are the pods that train together, `prepare` is None when the data needs no preparation. `rerun` is any text:
    a new one trains again though nothing else changed. `retries` and `timeout_seconds` hold for the preparation and for
    the training. `queued` is None where trainings start at once.
    """

    owner: Owner
    namespace: pulumi.Input[str]
    entry: str
    model: str
    roles: Sequence[Role]
    prepare: Role | None
    data: TeamStorage
    models: TeamStorage
    checkpoints: TeamStorage | None = None
    rerun: str | None = None
    retries: int = 2
    timeout_seconds: int = 86400
    queued: Queued | None = None
    image_pull_secret: str | None = None

    @property
    def queue_labels(self) -> dict[str, str]:
        return self.queued.labels() if self.queued else {}

    @property
    def waits_in_queue(self) -> bool:
        """Whether it is made suspended, for its queue to start it."""
        return QUEUE_LABEL in self.queue_labels

    @property
    def patience_seconds(self) -> int:
        """How long Pulumi waits: a deadline counts from the start, and the queue comes before it."""
        wait = self.queued.wait_seconds if self.queued else 0
        return wait + self.timeout_seconds + AWAIT_MARGIN_SECONDS


@dataclass(frozen=True, kw_only=True)
class OperatedArgs:
    """A training that an operator runs.

    `connection` is the cluster's, to follow the training to its end. `after`: the operators, where this stack has them.
    """

    training: TrainingArgs
    connection: Connection
    after: Sequence[pulumi.Resource] = ()


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A storage in a Job's pod: at `path` where it is one that is mounted."""

    access: Access
    path: str
    read_only: bool

    @property
    def mounts(self) -> tuple[Mount, ...]:
        return self.access.mounts(self.path, read_only=self.read_only)


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
    mounts = [mount for stored in storages for mount in stored.mounts]
    program = role.program
    main = container(
        container_name or role.name,
        program,
        variables={
            **{name: value for stored in storages for name, value in stored.access.variables.items()},
            **variables,
            "CODE_VERSION": program.image,
        },
        secrets={name: source for stored in storages for name, source in stored.access.secrets.items()},
        mounts=mounts,
    )
    pod = pod_spec(
        main,
        service_account=service_account_name(args.entry),
        placement=role.placement,
        mounts=mounts,
        resources=program.resources,
        secret_files=program.secret_files,
    )
    pod["restart_policy"] = "Never"
    if role.placement.spread:
        pod["topology_spread_constraints"] = spread_constraints(
            role.placement.spread, selector_labels(name=args.entry, component=COMPONENT)
        )
    # Without the team's own labels: a pod template of a training is immutable, so a new label would mean to train
    # again.
    labels = platform_labels(args.owner, name=args.entry, component=COMPONENT, instance=f"{args.entry}-{step}")
    return {"metadata": {"labels": labels}, "spec": pod}


def service_account_name(entry: str) -> str:
    return f"{entry}-{COMPONENT}"


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
