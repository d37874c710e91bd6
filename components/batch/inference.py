"""Batch inference: an indexed Job, each of whose pods answers for one shard of the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from components.jobs import (
    JobArgs,
    PlannedJob,
    Schedule,
    Stored,
    account_name,
    job_template,
    make_account,
    make_cron_job,
    make_job,
    scheduled,
    shards_of,
)
from components.placement import Placement
from components.platform.versioning import job_version
from components.pods import Program
from components.storage.access import TeamStorage
from components.workload import Workload

if TYPE_CHECKING:
    from pulumi_kubernetes.batch import v1 as batch

COMPONENT = "batch"
DATA_ROOT = "/data"
MODEL_ROOT = "/models"
OUTPUT_ROOT = "/output"


@dataclass(frozen=True, kw_only=True)
class BatchArgs(JobArgs):
    """One `batch` entry of a team.

    `data_dir` is the folder or URI of the data, None for all that is in `data`. `shards` pods share it, of which
    `parallelism` run at a time. `after` is what must be there before, such as the training of the model. With
    `schedule` it runs by that, otherwise once.
    """

    program: Program
    placement: Placement
    model: str
    version: str
    models: TeamStorage
    data: TeamStorage
    data_dir: str | None
    output: TeamStorage
    shards: int
    parallelism: int
    schedule: Schedule | None = None
    after: Sequence[pulumi.Resource] = ()


def service_account_name(entry: str) -> str:
    return account_name(entry, COMPONENT)


def output_folder(args: BatchArgs, version: str) -> str:
    """Where a version of the answers is: a folder, or a URI."""
    return f"{args.output.access.root(OUTPUT_ROOT)}/{args.entry}/{version}"


def batch_spec(args: BatchArgs, **variables: str) -> batch.JobSpecArgsDict:
    """The spec of the Job."""
    template = job_template(
        args,
        args.program,
        component=COMPONENT,
        instance=f"{args.entry}-{COMPONENT}",
        container_name="shard",
        placement=args.placement,
        storages=(
            Stored(access=args.data.access, path=DATA_ROOT, read_only=True),
            Stored(access=args.models.access, path=MODEL_ROOT, read_only=True),
            Stored(access=args.output.access, path=OUTPUT_ROOT, read_only=False),
        ),
        variables={
            "DATA_DIR": args.data_dir or args.data.access.root(DATA_ROOT),
            "MODEL_NAME": args.model,
            "MODEL_VERSION": args.version,
            "MODEL_ROOT": args.models.access.root(MODEL_ROOT),
            "SHARDS": str(args.shards),
            **variables,
        },
    )
    shards = shards_of(args, count=args.shards, parallelism=args.parallelism)
    return {**shards, "template": template if args.schedule is None else scheduled(template)}


def plan_batch(args: BatchArgs) -> PlannedJob:
    """The Job that writes `<output root>/<entry>/<version>`; by schedule, a folder for each run in that."""
    version = job_version(batch_spec(args), entry=args.entry, rerun=args.rerun)
    name = f"{args.entry}-{COMPONENT}"
    return PlannedJob(
        name=name if args.schedule else f"{name}-{version}",
        version=version,
        spec=batch_spec(args, OUTPUT_DIR=output_folder(args, version)),
    )


class BatchInference(pulumi.ComponentResource):
    """The answers of a version of a model, in `output`: a folder or a URI.

    Without a schedule they are there when this component is. A changed recipe gives another Job, and another folder.
    """

    version: str
    output: str
    workload: Workload

    def __init__(self, name: str, args: BatchArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:batch:BatchInference", name, None, opts)
        account = make_account(name, args, component=COMPONENT, parent=self)
        planned = plan_batch(args)
        queue = list(args.queued.after) if args.queued else []
        # Named as plain text in the pods (the account, the claims), or not at all (the training).
        needed = [account, args.models, args.data, args.output, *args.after, *queue]
        child = pulumi.ResourceOptions(parent=self, depends_on=needed)
        instance = f"{args.entry}-{COMPONENT}"
        if args.schedule is None:
            job = make_job(f"{name}-job", args, planned, component=COMPONENT, instance=instance, opts=child)
            self.workload = Workload(kind="Job", name=job.metadata.name)
        else:
            cron_job = make_cron_job(
                f"{name}-schedule",
                args,
                args.schedule,
                planned.spec,
                component=COMPONENT,
                instance=planned.name,
                opts=child,
            )
            self.workload = Workload(kind="CronJob", name=cron_job.metadata.name)
        self.version = planned.version
        self.output = output_folder(args, planned.version)
        self.register_outputs({"job": self.workload.name, "output": self.output})
