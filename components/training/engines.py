"""What the platform knows of each training engine: one `EngineFacts` a kind of object.

Roles of teams, Kueue's frameworks, metrics, alerts, dashboards, `make status` and the documentation derive from this
table. A new engine is one more line.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class EngineFacts:
    """The object that runs a training.

    `resource` is its plural in the API. `framework` is its name in Kueue's configuration. `complete` and `failed` are
    the types of its conditions at its end. `pod_label` is on its pods, with the name of the object. `suspend` is the
    path below `spec` of the field that keeps it from starting. `operator` says who runs it: None for Kubernetes itself.
    """

    kind: str
    group: str
    version: str
    resource: str
    framework: str
    complete: str
    failed: str
    pod_label: str
    suspend: str = "suspend"
    operator: str | None = None

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}"


JOB = EngineFacts(
    kind="Job",
    group="batch",
    version="v1",
    resource="jobs",
    framework="batch/job",
    complete="Complete",
    failed="Failed",
    pod_label="batch.kubernetes.io/job-name",
)
TRAIN_JOB = EngineFacts(
    kind="TrainJob",
    group="trainer.kubeflow.org",
    version="v1alpha1",
    resource="trainjobs",
    framework="trainer.kubeflow.org/trainjob",
    complete="Complete",
    failed="Failed",
    pod_label="jobset.sigs.k8s.io/jobset-name",
    operator="trainer",
)

ENGINES = (JOB, TRAIN_JOB)
# The objects of each `kind` of a training entry.
OBJECTS = {"job": (JOB,), "pytorch": (TRAIN_JOB,)}
# What each operator needs of the catalog.
OPERATORS = {
    "trainer": ("jobset", "jobset-crds", "kubeflow-trainer", "kubeflow-trainer-crds"),
    "training-operator": ("training-operator", "training-operator-crds"),
    "mpi-operator": ("mpi-operator", "mpi-operator-crds"),
    "kuberay": ("kuberay-operator", "kuberay-crds"),
}


def facts_of(kinds: Iterable[str]) -> tuple[EngineFacts, ...]:
    """The objects of these kinds of entries. Jobs prepare the data of all."""
    return tuple(dict.fromkeys(facts for kind in ("job", *sorted(kinds)) for facts in OBJECTS[kind]))


def frameworks_of(kinds: Iterable[str]) -> tuple[str, ...]:
    """The frameworks that Kueue needs for these kinds of entries."""
    return tuple(dict.fromkeys(facts.framework for facts in facts_of(kinds)))


def operators_of(kinds: Iterable[str]) -> tuple[str, ...]:
    """The operators that these kinds of entries need."""
    return tuple(dict.fromkeys(facts.operator for facts in facts_of(kinds) if facts.operator is not None))
