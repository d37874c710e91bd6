"""Training as Kubernetes Jobs: one prepares data, one trains a model on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

from components.labels import object_labels
from components.platform.versioning import job_version
from components.training.recipe import (
    COMPONENT,
    DATA_ROOT,
    HOPELESS_EXIT_CODES,
    QUEUE_LABELS,
    Role,
    Stored,
    TrainingArgs,
    data_folder,
    model_folder,
    model_variables,
    pod_template,
    service_account_name,
    train_storages,
)
from components.training.trained import Trained
from components.workload import Workload

if TYPE_CHECKING:
    from pulumi_kubernetes.batch import v1 as batch

# What Kueue decides: when its pods run, and where.
QUEUE_JOB_FIELDS = ("spec.suspend", *QUEUE_LABELS, "spec.template.spec.nodeSelector", "spec.template.spec.tolerations")


@dataclass(frozen=True, kw_only=True)
class PlannedJob:
    """A Job as it will be made: its name says what it makes, and `version` is the version of that."""

    name: str
    version: str
    spec: batch.JobSpecArgsDict


def job_spec(
    args: TrainingArgs, role: Role, *, step: str, storages: Sequence[Stored], variables: Mapping[str, str]
) -> batch.JobSpecArgsDict:
    """The spec of one Job of one pod."""
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
        "template": pod_template(args, role, step=step, storages=storages, variables=variables),
    }


def plan_prepare(args: TrainingArgs, role: Role) -> PlannedJob:
    """The Job that writes `<data root>/<entry>/<version>`."""

    def spec(**variables: str) -> batch.JobSpecArgsDict:
        storages = (Stored(access=args.data.access, path=DATA_ROOT, read_only=False),)
        return job_spec(args, role, step="prepare", storages=storages, variables=variables)

    version = job_version(spec(), entry=args.entry)
    return PlannedJob(
        name=f"{args.entry}-prepare-{version}",
        version=version,
        spec=spec(DATA_DIR=data_folder(args, version)),
    )


def plan_train(args: TrainingArgs, data_dir: str) -> PlannedJob:
    """The Job that reads `data_dir` and writes `<model root>/<model>/<version>`."""

    def spec(**variables: str) -> batch.JobSpecArgsDict:
        variables = {"DATA_DIR": data_dir, "MODEL_NAME": args.model, **variables}
        return job_spec(args, args.roles[0], step="train", storages=train_storages(args), variables=variables)

    version = job_version(spec(), model=args.model, rerun=args.rerun)
    return PlannedJob(
        name=f"{args.entry}-train-{version}", version=version, spec=spec(**model_variables(args, version))
    )


def make_job(
    name: str, args: TrainingArgs, planned: PlannedJob, *, step: str, opts: pulumi.ResourceOptions
) -> k8s.batch.v1.Job:
    """The Job, which Pulumi waits for. It goes into the team's queue where there is one."""
    patience = f"{args.patience_seconds}s"
    labels = object_labels(args.owner, name=args.entry, component=COMPONENT, instance=f"{args.entry}-{step}")
    return k8s.batch.v1.Job(
        # With the version, so that Pulumi takes the Jobs of two recipes for two resources. As one that is replaced, a
        # Job whose successor fails would wait for its deletion, and a program that goes back to its recipe would take
        # that very Job over and then delete it.
        f"{name}-{step}-{planned.version}",
        metadata={
            "name": planned.name,
            "namespace": args.namespace,
            "labels": {**labels, **args.queue_labels},
            # A failed Job cannot be started again. With this it is replaced by the next `pulumi up`.
            "annotations": {"pulumi.com/replaceUnready": "true"},
        },
        # Not a part of the version: the same training, whenever it starts.
        spec={**planned.spec, "suspend": True} if args.waits_in_queue else planned.spec,
        opts=pulumi.ResourceOptions.merge(
            opts,
            pulumi.ResourceOptions(
                ignore_changes=list(QUEUE_JOB_FIELDS),
                custom_timeouts=pulumi.CustomTimeouts(create=patience, update=patience, delete="10m"),
            ),
        ),
    )


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What a training stands on: the folder or URI of its data, and what must be there before it starts."""

    data_dir: str
    needed: list[pulumi.Resource]


def make_ground(name: str, args: TrainingArgs, parent: pulumi.Resource) -> Ground:
    """The account of a training's pods, and the Job that prepares its data, if something does."""
    account = k8s.core.v1.ServiceAccount(
        f"{name}-account",
        metadata={
            "name": service_account_name(args.entry),
            "namespace": args.namespace,
            "labels": object_labels(args.owner, name=args.entry, component=COMPONENT),
        },
        automount_service_account_token=False,
        image_pull_secrets=[{"name": args.image_pull_secret}] if args.image_pull_secret else None,
        opts=pulumi.ResourceOptions(parent=parent),
    )
    # The names of the account and the claims are plain text in the pods, so that they can be hashed: the order of
    # creation and deletion has to be said.
    queue = list(args.queued.after) if args.queued else []
    kept = [args.checkpoints] if args.checkpoints else []
    needed: list[pulumi.Resource] = [account, args.data, args.models, *kept, *queue]
    if args.prepare is None:
        return Ground(data_dir=args.data.access.root(DATA_ROOT), needed=needed)
    planned = plan_prepare(args, args.prepare)
    opts = pulumi.ResourceOptions(parent=parent, depends_on=[account, args.data, *queue])
    job = make_job(name, args, planned, step="prepare", opts=opts)
    return Ground(data_dir=data_folder(args, planned.version), needed=[*needed, job])


class TrainingJob(Trained):
    """A model that is trained: both Jobs have ended well when this component is there.

    A changed recipe gives another Job, also to Pulumi, which makes and awaits the new one, updates what
    depends on it (the server of the model), and deletes the old one last. The model of the old one stays on
    its volume.
    """

    def __init__(self, name: str, args: TrainingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:training:TrainingJob", name, None, opts)
        ground = make_ground(name, args, self)
        planned = plan_train(args, ground.data_dir)
        child = pulumi.ResourceOptions(parent=self, depends_on=ground.needed)
        job = make_job(name, args, planned, step="train", opts=child)
        self.version = planned.version
        self.model = args.model
        self.model_path = model_folder(args, planned.version)
        self.workload = Workload(kind="Job", name=job.metadata.name)
        self.register_outputs({"job": self.workload.name, "version": self.version})
