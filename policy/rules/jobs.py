"""Jobs end, and stay until another one replaces them."""

from __future__ import annotations

import math
from collections.abc import Iterator

from policy.graph.pods import object_spec
from policy.graph.resources import Resource
from policy.graph.values import UNKNOWN, differs, get, mappings
from policy.rules.model import Level, ResourceRule, Settings, StackRule, resource_rule

# Objects that run to an end.
JOBS = (
    "Job.batch",
    "JobSet.jobset.x-k8s.io",
    "MPIJob.kubeflow.org",
    "PyTorchJob.kubeflow.org",
    "RayJob.ray.io",
    "TFJob.kubeflow.org",
    "TrainJob.trainer.kubeflow.org",
)
# Objects that start others which run to an end: those may remove themselves.
SCHEDULES = ("CronJob.batch",)
RAY_JOB = "RayJob.ray.io"
MOST_TRIES = 10
# Their limit is of the restarts of all pods, and each try may restart every one.
COUNTED_TOGETHER = ("PyTorchJob.kubeflow.org", "TFJob.kubeflow.org")
# Keys under which kinds of jobs have their limits, or jobs that have them.
HOLDERS = ("spec", "runPolicy", "jobTemplate", "replicatedJobs", "template")


@resource_rule(
    "job-kept-until-replaced",
    types=(),
    level=Level.MANDATORY,
    reason="a job that removes itself is drift: the next refresh would train again",
    remedy="Remove it: Pulumi deletes the job when another one replaces it.",
)
def job_kept_until_replaced(job: Resource, _: Settings) -> Iterator[str]:
    """A job that Pulumi manages does not delete itself."""
    if job.kind not in JOBS:
        return
    spec = object_spec(job)
    # Of a RayJob this field only deletes the cluster.
    for place in (spec, get(spec, "runPolicy")) if job.kind != RAY_JOB else ():
        if differs(get(place, "ttlSecondsAfterFinished"), None):
            yield "ttlSecondsAfterFinished is set."
    if any(mapping.get("policy") == "DeleteSelf" for mapping in mappings(get(spec, "deletionStrategy"))):
        yield "its deletionStrategy has the policy DeleteSelf."


@resource_rule(
    "job-bounded",
    types=(),
    level=Level.ADVISORY,
    reason="some trainings have no sensible upper bound",
    remedy=f"Set activeDeadlineSeconds, and a backoffLimit or maxRestarts of at most {MOST_TRIES}.",
)
def job_bounded(job: Resource, _: Settings) -> Iterator[str]:
    """A job ends: after some time, and after some tries."""
    if job.kind not in (*JOBS, *SCHEDULES):
        return
    # Kinds have these fields at different places: in the spec, its runPolicy, the template of a job inside.
    places = list(mappings({"spec": object_spec(job)}))
    hidden = any(place.get(key) is UNKNOWN for place in places for key in HOLDERS)
    if not hidden and all(place.get("activeDeadlineSeconds") is None for place in places):
        yield "it has no activeDeadlineSeconds."
    most = _most_tries(job)
    for field in ("backoffLimit", "maxRestarts"):
        for tries in (place.get(field) for place in places):
            if isinstance(tries, int | float) and tries > most:
                yield f"{field} is {int(tries)}."


def _most_tries(job: Resource) -> float:
    if job.kind not in COUNTED_TOGETHER:
        return MOST_TRIES
    places = list(mappings(object_spec(job)))
    if any(value is UNKNOWN for place in places for value in place.values()):
        return math.inf
    counts = [place.get("replicas") for place in places]
    return MOST_TRIES * sum(count for count in counts if isinstance(count, int | float)) + 1


RULES: tuple[ResourceRule | StackRule, ...] = (job_kept_until_replaced, job_bounded)
