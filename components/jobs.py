"""Kubernetes Jobs of a team's entry, whatever they do: their pods, their way into the queue, and their schedule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pulumi
import pulumi_kubernetes as k8s

from components.labels import Owner, object_labels, platform_labels, selector_labels
from components.placement import Placement, spread_constraints
from components.pods import Mount, Program, container, pod_spec
from components.queueing.names import PRIORITY_LABEL, QUEUE_LABEL
from components.queueing.queued import Queued
from components.storage.access import Access

if TYPE_CHECKING:
    from pulumi_kubernetes.batch import v1 as batch
    from pulumi_kubernetes.core import v1 as core

# What sysexits.h calls a wrong command line, wrong input data and a wrong configuration: another try cannot
# help.
HOPELESS_EXIT_CODES = (64, 65, 78)
# Pulumi must outlast the Job's own deadline, or it would report a timeout in place of the Job's failure.
AWAIT_MARGIN_SECONDS = 120
# A Job stays in the queue that it was made for: Kueue refuses to move one that has started, also into its first
# queue.
QUEUE_LABELS = (f'metadata.labels["{QUEUE_LABEL}"]', f'metadata.labels["{PRIORITY_LABEL}"]')
# What Kueue decides: when its pods run, and where.
QUEUE_JOB_FIELDS = ("spec.suspend", *QUEUE_LABELS, "spec.template.spec.nodeSelector", "spec.template.spec.tolerations")
# How late a scheduled Job may start: the one before it may still run, or the cluster may have been down.
LATEST_START_SECONDS = 3600
KEPT_RUNS = 3
# The name of the Job, in pods of a CronJob's Jobs. It ends in the scheduled time, in minutes since 1970.
JOB_NAME_VARIABLE = "SCHEDULED_JOB"


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """When Jobs are made: five fields of cron, in `time_zone` or that of the cluster's controllers."""

    cron: str
    time_zone: str | None = None


@dataclass(frozen=True, kw_only=True)
class JobArgs:
    """What the Jobs of every entry have.

    `rerun` is any text: a new one runs again though nothing else changed. `queued` is None where Jobs start at once.
    """

    owner: Owner
    namespace: pulumi.Input[str]
    entry: str
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


def job_template(
    args: JobArgs,
    program: Program,
    *,
    component: str,
    instance: str,
    container_name: str,
    placement: Placement,
    storages: Sequence[Stored],
    variables: Mapping[str, str],
) -> core.PodTemplateSpecArgsDict:
    """Pods of one container that end. `component` is the part that they play, `instance` tells those of one apart."""
    mounts = [mount for stored in storages for mount in stored.mounts]
    main = container(
        container_name,
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
        service_account=account_name(args.entry, component),
        placement=placement,
        mounts=mounts,
        resources=program.resources,
        secret_files=program.secret_files,
    )
    pod["restart_policy"] = "Never"
    if placement.spread:
        pod["topology_spread_constraints"] = spread_constraints(
            placement.spread, selector_labels(name=args.entry, component=component)
        )
    # Without the team's own labels: a pod template of a Job is immutable, so a new label would mean to run again.
    labels = platform_labels(args.owner, name=args.entry, component=component, instance=instance)
    return {"metadata": {"labels": labels}, "spec": pod}


def ending(args: JobArgs) -> batch.JobSpecArgsDict:
    """The fields by which a Job ends, and restarts its pods."""
    fields = {
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
        # No TTL: Pulumi would find the Job gone at the next refresh, and run it again.
    }
    # Who asks adds the template.
    return cast("batch.JobSpecArgsDict", fields)


def shards_of(args: JobArgs, *, count: int, parallelism: int) -> batch.JobSpecArgsDict:
    """The fields of an indexed Job: a pod for each of `count` indexes, `parallelism` of them at a time.

    Each index has its own retries. Once one has used them up the Job fails: the others cannot make it whole.
    """
    return {
        **ending(args),
        "completion_mode": "Indexed",
        "completions": count,
        "parallelism": parallelism,
        "backoff_limit_per_index": args.retries,
        "max_failed_indexes": 0,
    }


def account_name(entry: str, component: str) -> str:
    return f"{entry}-{component}"


def make_account(name: str, args: JobArgs, *, component: str, parent: pulumi.Resource) -> k8s.core.v1.ServiceAccount:
    """The account of an entry's pods, which has no rights in the cluster."""
    return k8s.core.v1.ServiceAccount(
        f"{name}-account",
        metadata={
            "name": account_name(args.entry, component),
            "namespace": args.namespace,
            "labels": object_labels(args.owner, name=args.entry, component=component),
        },
        automount_service_account_token=False,
        image_pull_secrets=[{"name": args.image_pull_secret}] if args.image_pull_secret else None,
        opts=pulumi.ResourceOptions(parent=parent),
    )


def make_job(
    name: str, args: JobArgs, planned: PlannedJob, *, component: str, instance: str, opts: pulumi.ResourceOptions
) -> k8s.batch.v1.Job:
    """The Job, which Pulumi waits for. It goes into the team's queue where there is one."""
    patience = f"{args.patience_seconds}s"
    labels = object_labels(args.owner, name=args.entry, component=component, instance=instance)
    return k8s.batch.v1.Job(
        # With the version, so that Pulumi takes the Jobs of two recipes for two resources. As one that is replaced, a
        # Job whose successor fails would wait for its deletion, and a program that goes back to its recipe would take
        # that very Job over and then delete it.
        f"{name}-{planned.version}",
        metadata={
            "name": planned.name,
            "namespace": args.namespace,
            "labels": {**labels, **args.queue_labels},
            # A failed Job cannot be started again. With this it is replaced by the next `pulumi up`.
            "annotations": {"pulumi.com/replaceUnready": "true"},
        },
        # Not a part of the version: the same work, whenever it starts.
        spec={**planned.spec, "suspend": True} if args.waits_in_queue else planned.spec,
        opts=pulumi.ResourceOptions.merge(
            opts,
            pulumi.ResourceOptions(
                ignore_changes=list(QUEUE_JOB_FIELDS),
                custom_timeouts=pulumi.CustomTimeouts(create=patience, update=patience, delete="10m"),
            ),
        ),
    )


def make_cron_job(
    name: str,
    args: JobArgs,
    schedule: Schedule,
    spec: batch.JobSpecArgsDict,
    *,
    component: str,
    instance: str,
    opts: pulumi.ResourceOptions,
) -> k8s.batch.v1.CronJob:
    """Makes a Job by schedule, unless the one before it still runs. Each goes into the team's queue.

    It is called `instance`, at most 52 characters, and its Jobs are called after it and their scheduled time.
    """
    labels = object_labels(args.owner, name=args.entry, component=component, instance=instance)
    of_jobs = platform_labels(args.owner, name=args.entry, component=component, instance=instance)
    cron: batch.CronJobSpecArgsDict = {
        "schedule": schedule.cron,
        "concurrency_policy": "Forbid",
        "starting_deadline_seconds": LATEST_START_SECONDS,
        "successful_jobs_history_limit": KEPT_RUNS,
        "failed_jobs_history_limit": KEPT_RUNS,
        "job_template": {
            "metadata": {"labels": {**of_jobs, **args.queue_labels}},
            "spec": {**spec, "suspend": True} if args.waits_in_queue else spec,
        },
    }
    if schedule.time_zone is not None:
        cron["time_zone"] = schedule.time_zone
    return k8s.batch.v1.CronJob(
        name,
        metadata={"name": instance, "namespace": args.namespace, "labels": labels},
        spec=cron,
        opts=opts,
    )


def scheduled(template: core.PodTemplateSpecArgsDict) -> core.PodTemplateSpecArgsDict:
    """The same pods, whose containers know the name of their Job. Variables may refer to it: it is the first one."""
    source: core.EnvVarArgsDict = {
        "name": JOB_NAME_VARIABLE,
        "value_from": {
            "field_ref": {"api_version": "v1", "field_path": "metadata.labels['batch.kubernetes.io/job-name']"}
        },
    }
    pod = cast("dict[str, Any]", template)["spec"]
    built: Any = {
        key: [{**one, "env": [source, *one["env"]]} for one in pod[key]]
        for key in ("init_containers", "containers")
        if key in pod
    }
    return cast("core.PodTemplateSpecArgsDict", {**template, "spec": {**pod, **built}})
