"""What the platform knows of each training engine: one `EngineFacts` a kind of object.

Roles of teams, Kueue's frameworks, metrics, alerts, dashboards, `make status` and the documentation derive from this
table. A new engine is one more line.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Phase:
    """How an object without conditions ends: `field` of its status gets one of `last`, and `result` tells success.

    `result` is the field with `EngineFacts.complete` in it where the training succeeded, and with anything else where
    it did not. The reason of a failure is in the fields `reason` and `message`.
    """

    field: str
    last: tuple[str, ...]
    result: str


@dataclass(frozen=True, kw_only=True)
class EngineFacts:
    """The object that runs a training.

    `resource` is its plural in the API. `framework` is its name in Kueue's configuration. `complete` and `failed` are
    the types of its conditions at its end. `pod_label` is on its pods, with the name of the object. `suspend` is the
    path below `spec` of the field that keeps it from starting. `phase` is for an object that has no conditions. `lost`
    is what the message of a failure has where the operator gave up for a lost pod, though there were retries left.
    `operator` says who runs it: None for Kubernetes itself.
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
    phase: Phase | None = None
    lost: str | None = None
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
PYTORCH_JOB = EngineFacts(
    kind="PyTorchJob",
    group="kubeflow.org",
    version="v1",
    resource="pytorchjobs",
    framework="kubeflow.org/pytorchjob",
    complete="Succeeded",
    failed="Failed",
    pod_label="training.kubeflow.org/job-name",
    suspend="runPolicy.suspend",
    operator="training-operator",
)
TF_JOB = EngineFacts(
    kind="TFJob",
    group="kubeflow.org",
    version="v1",
    resource="tfjobs",
    framework="kubeflow.org/tfjob",
    complete="Succeeded",
    failed="Failed",
    pod_label="training.kubeflow.org/job-name",
    suspend="runPolicy.suspend",
    # Of v1.9.4. With retries, a program that fails by itself has another message, of the limit of its restarts.
    lost="replica(s) failed",
    operator="training-operator",
)
MPI_JOB = EngineFacts(
    kind="MPIJob",
    group="kubeflow.org",
    version="v2beta1",
    resource="mpijobs",
    framework="kubeflow.org/mpijob",
    complete="Succeeded",
    failed="Failed",
    pod_label="training.kubeflow.org/job-name",
    suspend="runPolicy.suspend",
    operator="mpi-operator",
)
RAY_JOB = EngineFacts(
    kind="RayJob",
    group="ray.io",
    version="v1",
    resource="rayjobs",
    framework="ray.io/rayjob",
    complete="SUCCEEDED",
    failed="FAILED",
    # KubeRay puts the cluster's name on pods, which nobody knows before. This one is in the templates of the pods.
    pod_label="ray.io/originated-from-cr-name",
    # A job that somebody stopped is `Complete` too.
    phase=Phase(field="jobDeploymentStatus", last=("Complete", "Failed", "ValidationFailed"), result="jobStatus"),
    operator="kuberay",
)

ENGINES = (JOB, TRAIN_JOB, PYTORCH_JOB, TF_JOB, MPI_JOB, RAY_JOB)
# The objects of each engine: a `kind` of training entries, or one of its APIs.
OBJECTS = {
    "job": (JOB,),
    "pytorch": (TRAIN_JOB,),
    "pytorchjob": (PYTORCH_JOB,),
    "tensorflow": (TF_JOB,),
    "mpi": (MPI_JOB,),
    "ray": (RAY_JOB,),
}
# What each operator needs of the catalog.
OPERATORS = {
    "trainer": ("jobset", "jobset-crds", "kubeflow-trainer", "kubeflow-trainer-crds"),
    "training-operator": ("training-operator", "training-operator-crds"),
    "mpi-operator": ("mpi-operator", "mpi-operator-crds"),
    "kuberay": ("kuberay-operator", "kuberay-crds"),
}


def facts_of(engines: Iterable[str]) -> tuple[EngineFacts, ...]:
    """The objects of these engines. Jobs prepare the data of all."""
    return tuple(dict.fromkeys(facts for engine in ("job", *sorted(engines)) for facts in OBJECTS[engine]))


def frameworks_of(engines: Iterable[str]) -> tuple[str, ...]:
    """The frameworks that Kueue needs for these engines."""
    return tuple(dict.fromkeys(facts.framework for facts in facts_of(engines)))


def operators_of(engines: Iterable[str]) -> tuple[str, ...]:
    """The operators that these engines need."""
    return tuple(dict.fromkeys(facts.operator for facts in facts_of(engines) if facts.operator is not None))
