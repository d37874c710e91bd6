"""Training as Kubernetes Jobs: one prepares data, one trains a model on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pulumi
import pulumi_kubernetes as k8s

from components.jobs import (
    JOB_NAME_VARIABLE,
    PlannedJob,
    Stored,
    ending,
    make_account,
    make_cron_job,
    make_job,
    scheduled,
)
from components.platform.versioning import job_version
from components.training.recipe import (
    COMPONENT,
    DATA_ROOT,
    Role,
    TrainingArgs,
    data_folder,
    model_folder,
    model_variables,
    pod_template,
    train_storages,
)
from components.training.trained import Trained
from components.workload import Workload

if TYPE_CHECKING:
    from pulumi_kubernetes.batch import v1 as batch
    from pulumi_kubernetes.core import v1 as core

# What a run by schedule adds to the names of its data and its model.
RUN = f"-$({JOB_NAME_VARIABLE})"


def job_spec(args: TrainingArgs, template: core.PodTemplateSpecArgsDict) -> batch.JobSpecArgsDict:
    """The spec of one Job of one pod."""
    return {
        **ending(args),
        "completion_mode": "NonIndexed",
        "completions": 1,
        "parallelism": 1,
        "backoff_limit": args.retries,
        "template": template,
    }


def prepare_template(args: TrainingArgs, role: Role, **variables: str) -> core.PodTemplateSpecArgsDict:
    """The pod that prepares data."""
    storages = (Stored(access=args.data.access, path=DATA_ROOT, read_only=False),)
    return pod_template(args, role, step="prepare", storages=storages, variables=variables)


def plan_prepare(args: TrainingArgs, role: Role) -> PlannedJob:
    """The Job that writes `<data root>/<entry>/<version>`."""
    version = job_version(job_spec(args, prepare_template(args, role)), entry=args.entry)
    return PlannedJob(
        name=f"{args.entry}-prepare-{version}",
        version=version,
        spec=job_spec(args, prepare_template(args, role, DATA_DIR=data_folder(args, version))),
    )


def train_template(args: TrainingArgs, data_dir: str, **variables: str) -> core.PodTemplateSpecArgsDict:
    """The pod that trains."""
    variables = {"DATA_DIR": data_dir, "MODEL_NAME": args.model, **variables}
    return pod_template(args, args.roles[0], step="train", storages=train_storages(args), variables=variables)


def plan_train(args: TrainingArgs, data_dir: str) -> PlannedJob:
    """The Job that reads `data_dir` and writes `<model root>/<model>/<version>`."""

    def spec(**variables: str) -> batch.JobSpecArgsDict:
        return job_spec(args, train_template(args, data_dir, **variables))

    version = job_version(spec(), model=args.model, rerun=args.rerun)
    return PlannedJob(
        name=f"{args.entry}-train-{version}", version=version, spec=spec(**model_variables(args, version))
    )


def retraining_spec(args: TrainingArgs, data_dir: str, version: str) -> batch.JobSpecArgsDict:
    """The spec of Jobs that train the recipe of `version` again: each prepares data and writes a version of its own."""
    fresh = data_dir if args.prepare is None else f"{data_dir}{RUN}"
    template = train_template(args, fresh, **model_variables(args, f"{version}{RUN}"))
    if args.prepare is not None:
        template = after_preparing(template, prepare_template(args, args.prepare, DATA_DIR=fresh))
    return job_spec(args, scheduled(template))


def after_preparing(
    train: core.PodTemplateSpecArgsDict, prepare: core.PodTemplateSpecArgsDict
) -> core.PodTemplateSpecArgsDict:
    """The pod that trains, in which another one's container runs first."""
    pod, first = (cast("dict[str, Any]", template)["spec"] for template in (train, prepare))
    volumes = {one["name"]: one for one in (*first["volumes"], *pod["volumes"])}
    merged: Any = {
        **pod,
        "init_containers": first["containers"],
        "volumes": [volumes[name] for name in sorted(volumes)],
    }
    if "resource_claims" in first:
        merged.setdefault("resource_claims", first["resource_claims"])
    return {**train, "spec": merged}


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What a training stands on: the folder or URI of its data, and what must be there before it starts."""

    data_dir: str
    needed: list[pulumi.Resource]


def make_step(
    name: str, args: TrainingArgs, planned: PlannedJob, *, step: str, opts: pulumi.ResourceOptions
) -> k8s.batch.v1.Job:
    """One of the two Jobs of an entry."""
    instance = f"{args.entry}-{step}"
    return make_job(f"{name}-{step}", args, planned, component=COMPONENT, instance=instance, opts=opts)


def make_ground(name: str, args: TrainingArgs, parent: pulumi.Resource) -> Ground:
    """The account of a training's pods, and the Job that prepares its data, if something does."""
    account = make_account(name, args, component=COMPONENT, parent=parent)
    # The names of the account and the claims are plain text in the pods, so that they can be hashed: the order of
    # creation and deletion has to be said.
    queue = list(args.queued.after) if args.queued else []
    kept = [args.checkpoints] if args.checkpoints else []
    needed: list[pulumi.Resource] = [account, args.data, args.models, *kept, *queue]
    if args.prepare is None:
        return Ground(data_dir=args.data.access.root(DATA_ROOT), needed=needed)
    planned = plan_prepare(args, args.prepare)
    opts = pulumi.ResourceOptions(parent=parent, depends_on=[account, args.data, *queue])
    job = make_step(name, args, planned, step="prepare", opts=opts)
    return Ground(data_dir=data_folder(args, planned.version), needed=[*needed, job])


class TrainingJob(Trained):
    """A model that is trained: both Jobs have ended well when this component is there.

    A changed recipe gives another Job, also to Pulumi, which makes and awaits the new one, updates what
    depends on it (the server of the model), and deletes the old one last. The model of the old one stays on
    its volume. With a schedule, a CronJob trains the recipe again, besides: nothing here waits for its Jobs.
    """

    def __init__(self, name: str, args: TrainingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:training:TrainingJob", name, None, opts)
        ground = make_ground(name, args, self)
        planned = plan_train(args, ground.data_dir)
        child = pulumi.ResourceOptions(parent=self, depends_on=ground.needed)
        job = make_step(name, args, planned, step="train", opts=child)
        if args.schedule is not None:
            make_cron_job(
                f"{name}-retrain",
                args,
                args.schedule,
                retraining_spec(args, ground.data_dir, planned.version),
                component=COMPONENT,
                instance=f"{args.entry}-retrain",
                opts=child,
            )
        self.version = planned.version
        self.model = args.model
        self.model_path = model_folder(args, planned.version)
        self.data_path = ground.data_dir
        self.workload = Workload(kind="Job", name=job.metadata.name)
        self.register_outputs({"job": self.workload.name, "version": self.version})
