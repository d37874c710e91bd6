"""Training as Kubernetes Jobs: one prepares data, one trains a model on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

from components.labels import Owner, object_labels, platform_labels, selector_labels
from components.placement import Placement, spread_constraints
from components.pods import Mount, Program, container, pod_spec
from components.queueing.names import PRIORITY_LABEL, QUEUE_LABEL
from components.queueing.queued import Queued
from components.storage.access import Access, TeamStorage
from components.training.trained import Trained
from components.training.versioning import job_version
from components.workload import Workload

if TYPE_CHECKING:
    from pulumi_kubernetes.batch import v1 as batch

DATA_ROOT = "/data"
MODEL_ROOT = "/models"
COMPONENT = "training"

# What sysexits.h calls a wrong command line, wrong input data and a wrong configuration: another try cannot
# help.
HOPELESS_EXIT_CODES = (64, 65, 78)
# Pulumi must outlast the Job's own deadline, or it would report a timeout in place of the Job's failure.
AWAIT_MARGIN_SECONDS = 120
# What Kueue decides on a Job that lives: when it runs, and on which nodes. A Job stays in the queue that it was made
# for: Kueue refuses to move one that has started, also into its first queue.
KUEUES_FIELDS = (
    "spec.suspend",
    "spec.template.spec.nodeSelector",
    "spec.template.spec.tolerations",
    f'metadata.labels["{QUEUE_LABEL}"]',
    f'metadata.labels["{PRIORITY_LABEL}"]',
)


@dataclass(frozen=True, kw_only=True)
class TrainingJobArgs:
    """One `training` entry of a team.

    `prepare` is None when the data needs no preparation. `rerun` is any text: a new one trains again though
    nothing else changed. `retries` and `timeout_seconds` hold for each of the two Jobs. `queued` is None where
    Jobs start at once.
    """

    owner: Owner
    namespace: pulumi.Input[str]
    entry: str
    model: str
    train: Program
    prepare: Program | None
    data: TeamStorage
    models: TeamStorage
    train_placement: Placement = field(default_factory=Placement)
    prepare_placement: Placement = field(default_factory=Placement)
    rerun: str | None = None
    retries: int = 2
    timeout_seconds: int = 86400
    queued: Queued | None = None
    image_pull_secret: str | None = None


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A storage in a Job's pod: at `path` where it is one that is mounted."""

    access: Access
    path: str
    read_only: bool

    @property
    def mounts(self) -> tuple[Mount, ...]:
        return self.access.mounts(self.path, read_only=self.read_only)


@dataclass(frozen=True, kw_only=True)
class PlannedJob:
    """A Job as it will be made: its name says what it makes, and `version` is the version of that."""

    name: str
    version: str
    spec: batch.JobSpecArgsDict


def job_spec(
    args: TrainingJobArgs,
    program: Program,
    *,
    step: str,
    placement: Placement,
    storages: Sequence[Stored],
    variables: Mapping[str, str],
) -> batch.JobSpecArgsDict:
    """The spec of one Job. `step` (`prepare`, `train`) names its container."""
    mounts = [mount for stored in storages for mount in stored.mounts]
    main = container(
        step,
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
        placement=placement,
        mounts=mounts,
        resources=program.resources,
        secret_files=program.secret_files,
    )
    pod["restart_policy"] = "Never"
    if placement.spread:
        pod["topology_spread_constraints"] = spread_constraints(
            placement.spread, selector_labels(name=args.entry, component=COMPONENT)
        )
    # Without the team's own labels: a Job's pod template is immutable, so a new label would mean to train
    # again.
    labels = platform_labels(args.owner, name=args.entry, component=COMPONENT, instance=f"{args.entry}-{step}")
    return {
        "completion_mode": "NonIndexed",
        "completions": 1,
        "parallelism": 1,
        "backoff_limit": args.retries,
        "active_deadline_seconds": args.timeout_seconds,
        "pod_failure_policy": {
            "rules": [
                # An eviction or a drained node is nobody's fault and uses up no retry.
                {"action": "Ignore", "on_pod_conditions": [{"type": "DisruptionTarget", "status": "True"}]},
                {
                    "action": "FailJob",
                    "on_exit_codes": {"operator": "In", "values": list(HOPELESS_EXIT_CODES)},
                },
            ]
        },
        # A pod that is still ending holds its GPU and may still write: its successor waits for it.
        "pod_replacement_policy": "Failed",
        # No TTL: Pulumi would find the Job gone at the next refresh, and train again.
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }


def service_account_name(entry: str) -> str:
    return f"{entry}-{COMPONENT}"


def data_folder(args: TrainingJobArgs, version: str) -> str:
    """Where a version of the prepared data is: a folder, or a URI."""
    return f"{args.data.access.root(DATA_ROOT)}/{args.entry}/{version}"


def model_folder(args: TrainingJobArgs, version: str) -> str:
    """Where a version of the model is: a folder, or a URI."""
    return f"{args.models.access.root(MODEL_ROOT)}/{args.model}/{version}"


def plan_prepare(args: TrainingJobArgs, program: Program) -> PlannedJob:
    """The Job that writes `<data root>/<entry>/<version>`."""

    def spec(**variables: str) -> batch.JobSpecArgsDict:
        storages = (Stored(access=args.data.access, path=DATA_ROOT, read_only=False),)
        return job_spec(
            args,
            program,
            step="prepare",
            placement=args.prepare_placement,
            storages=storages,
            variables=variables,
        )

    version = job_version(spec(), entry=args.entry)
    return PlannedJob(
        name=f"{args.entry}-prepare-{version}",
        version=version,
        spec=spec(DATA_DIR=data_folder(args, version)),
    )


def plan_train(args: TrainingJobArgs, data_dir: str) -> PlannedJob:
    """The Job that reads `data_dir` and writes `<model root>/<model>/<version>`."""

    def spec(**variables: str) -> batch.JobSpecArgsDict:
        storages = (
            Stored(access=args.data.access, path=DATA_ROOT, read_only=True),
            Stored(access=args.models.access, path=MODEL_ROOT, read_only=False),
        )
        variables = {"DATA_DIR": data_dir, "MODEL_NAME": args.model, **variables}
        return job_spec(
            args, args.train, step="train", placement=args.train_placement, storages=storages, variables=variables
        )

    version = job_version(spec(), model=args.model, rerun=args.rerun)
    return PlannedJob(
        name=f"{args.entry}-train-{version}",
        version=version,
        spec=spec(MODEL_DIR=model_folder(args, version), MODEL_VERSION=version),
    )


class TrainingJob(Trained):
    """A model that is trained: both Jobs have ended well when this component is there.

    A changed recipe gives another Job, also to Pulumi, which makes and awaits the new one, updates what
    depends on it (the server of the model), and deletes the old one last. The model of the old one stays on
    its volume.
    """

    def __init__(self, name: str, args: TrainingJobArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:training:TrainingJob", name, None, opts)
        labels = object_labels(args.owner, name=args.entry, component=COMPONENT)
        account = k8s.core.v1.ServiceAccount(
            f"{name}-account",
            metadata={
                "name": service_account_name(args.entry),
                "namespace": args.namespace,
                "labels": labels,
            },
            automount_service_account_token=False,
            image_pull_secrets=[{"name": args.image_pull_secret}] if args.image_pull_secret else None,
            opts=pulumi.ResourceOptions(parent=self),
        )

        # A Job's deadline counts from its start.
        wait = args.queued.wait_seconds if args.queued else 0
        patience = f"{wait + args.timeout_seconds + AWAIT_MARGIN_SECONDS}s"
        queue_labels = args.queued.labels() if args.queued else {}

        def job(step: str, planned: PlannedJob, after: list[pulumi.Resource]) -> k8s.batch.v1.Job:
            return k8s.batch.v1.Job(
                # With the version, so that Pulumi takes the Jobs of two recipes for two resources. As one that is
                # replaced, a Job whose successor fails would wait for its deletion, and a program that goes back
                # to its recipe would take that very Job over and then delete it.
                f"{name}-{step}-{planned.version}",
                metadata={
                    "name": planned.name,
                    "namespace": args.namespace,
                    "labels": {
                        **object_labels(
                            args.owner, name=args.entry, component=COMPONENT, instance=f"{args.entry}-{step}"
                        ),
                        **queue_labels,
                    },
                    # A failed Job cannot be started again. With this it is replaced by the next `pulumi up`.
                    "annotations": {"pulumi.com/replaceUnready": "true"},
                },
                # Not a part of the version: the same training, whenever it starts.
                spec={**planned.spec, "suspend": True} if QUEUE_LABEL in queue_labels else planned.spec,
                opts=pulumi.ResourceOptions(
                    parent=self,
                    depends_on=after,
                    ignore_changes=list(KUEUES_FIELDS),
                    custom_timeouts=pulumi.CustomTimeouts(create=patience, update=patience, delete="10m"),
                ),
            )

        # The names of the account and the claims are plain text in the pods, so that they can be hashed:
        # the order of creation and deletion has to be said.
        queue = list(args.queued.after) if args.queued else []
        needed: list[pulumi.Resource] = [account, args.data, args.models, *queue]
        data_dir = args.data.access.root(DATA_ROOT)
        if args.prepare is not None:
            prepare = plan_prepare(args, args.prepare)
            data_dir = data_folder(args, prepare.version)
            needed.append(job("prepare", prepare, [account, args.data, *queue]))
        train = plan_train(args, data_dir)
        self.version = train.version
        self.model = args.model
        self.model_path = model_folder(args, train.version)
        self.workload = Workload(kind="Job", name=job("train", train, needed).metadata.name)
        self.register_outputs({"job": self.workload.name, "version": self.version})
