"""The tests that need the mirror, in groups: each runs on an embedded cluster of its own, for 15 minutes at most."""

from collections.abc import Sequence
from dataclasses import dataclass

from local.errors import Failure

MOST_MINUTES = 15


@dataclass(frozen=True, kw_only=True)
class Group:
    """Tests that one pytest runs, in the order of its files.

    `code`: the folders and files that they prove, as pathspecs of git. A group whose code changed last runs first.
    `entries`: what the mirror must have of the catalog.
    """

    name: str
    tests: tuple[str, ...]
    code: tuple[str, ...]
    entries: tuple[str, ...]

    @property
    def family(self) -> str:
        """What several groups are called together: `platform` of `platform-queues`."""
        return self.name.partition("-")[0]


#: What `tests/platform/Pulumi.test.yaml` installs and can be had here: all groups of the platform deploy it whole.
PLATFORM = (
    "alertmanager",
    "gateway-api",
    "kube-state-metrics",
    "kueue",
    "node-exporter",
    "prometheus",
    "prometheus-config-reloader",
    "prometheus-operator",
    "prometheus-operator-crds",
    "versitygw",
)

#: What the engines of training need, of which none is on the platform of the tests above.
TRAINING_OPERATORS = (
    "jobset",
    "jobset-crds",
    "kubeflow-trainer",
    "kubeflow-trainer-crds",
    "kuberay-crds",
    "kuberay-operator",
    "mpi-operator",
    "mpi-operator-crds",
    "training-operator",
    "training-operator-crds",
)

GROUPS = (
    Group(
        name="platform-queues",
        tests=("tests/platform/test_gpu.py", "tests/platform/test_queueing.py"),
        code=(
            "stacks/queueing",
            "components/queueing",
            "stacks/gpu",
            "components/gpu",
            "stacks/priorities",
            "components/priorities",
            "components/placement.py",
        ),
        entries=PLATFORM,
    ),
    Group(
        name="platform-services",
        tests=(
            "tests/platform/test_dashboards.py",
            "tests/platform/test_external_secrets.py",
            "tests/platform/test_gateway.py",
            "tests/platform/test_monitoring.py",
            "tests/platform/test_secrets.py",
            "tests/platform/test_storage.py",
        ),
        code=(
            "stacks/monitoring",
            "components/monitoring",
            "stacks/storage",
            "components/storage",
            "stacks/external_secrets",
            "components/external_secrets",
            "stacks/gateway",
            "components/gateway",
        ),
        entries=(*PLATFORM, "external-secrets", "external-secrets-crds"),
    ),
    Group(
        name="platform-tenancy",
        tests=(
            "tests/platform/test_drift.py",
            "tests/platform/test_network.py",
            "tests/platform/test_tenancy.py",
            # Last: the stack is gone after it.
            "tests/platform/test_destroy.py",
        ),
        code=(
            "stacks/teams",
            "components/teams",
            "components/platform",
            "local/node",
        ),
        entries=PLATFORM,
    ),
    Group(
        name="training-pytorch",
        tests=("tests/engines/test_pytorch.py",),
        code=(
            "stacks/training",
            "components/training/torch.py",
            "components/training/outcome.py",
            "components/training/recipe.py",
            "images/workloads/torch_trainer",
        ),
        entries=("jobset", "jobset-crds", "kubeflow-trainer", "kubeflow-trainer-crds", "kueue"),
    ),
    Group(
        name="training-ray",
        tests=("tests/engines/test_ray_pytorchjob.py", "tests/engines/test_ray_autoscaling.py"),
        code=(
            "stacks/training",
            "components/training/ray.py",
            "components/training/pytorchjob.py",
            "components/training/operated.py",
            "components/training/operators/kubeflow_v1.py",
            "components/training/operators/ray.py",
            "images/workloads/ray_trainer",
        ),
        entries=("kuberay-crds", "kuberay-operator", "kueue", "training-operator", "training-operator-crds"),
    ),
    Group(
        name="training-kubeflow",
        tests=("tests/engines/test_kubeflow.py",),
        code=(
            "components/training/mpi.py",
            "components/training/tensorflow.py",
            "components/training/replicas.py",
            "components/training/operated.py",
            "images/workloads/mpi_trainer",
            "images/workloads/tf_trainer",
            "examples/mpi.yaml",
            "examples/tensorflow.yaml",
        ),
        entries=("kueue", "mpi-operator", "mpi-operator-crds", "training-operator", "training-operator-crds"),
    ),
    Group(
        name="training-batch",
        tests=("tests/engines/test_batch.py",),
        code=(
            "stacks/batch",
            "components/batch",
            "components/jobs.py",
            "stacks/workloads/schedule.py",
            "images/workloads/predictor/batch",
            "examples/batch.yaml",
        ),
        entries=("kueue",),
    ),
    Group(
        name="training-operators",
        tests=("tests/engines/test_operators.py",),
        code=("components/training/operators/*", "components/platform/controller.py", "local/mirror/*", "catalog.yaml"),
        entries=(*TRAINING_OPERATORS, "kube-state-metrics"),
    ),
    Group(
        name="serving-tensorflow",
        tests=("tests/engines/test_serving_tensorflow.py",),
        code=(
            "stacks/serving/engines/tensorflow.py",
            "components/serving/tensorflow.py",
            "images/workloads/tf_server",
            "images/tf-server",
            "examples/serving-tensorflow.yaml",
        ),
        entries=(),
    ),
    Group(
        name="serving-stateful",
        tests=("tests/engines/test_serving_stateful.py",),
        code=(
            "stacks/serving/engines/stateful.py",
            "components/serving/stateful.py",
            "components/serving/backup.py",
            "images/workloads/feature_store",
            "examples/serving-stateful.yaml",
        ),
        entries=(),
    ),
)


def chosen(words: Sequence[str], groups: Sequence[Group]) -> list[Group]:
    """The groups of these names or families, all without a word. Raises Failure for a name that none has."""
    known = {name for group in groups for name in (group.name, group.family)}
    if unknown := sorted(set(words) - known):
        raise Failure(f"no group of tests is called {', '.join(unknown)}", f"they are {', '.join(sorted(known))}")
    return [group for group in groups if not words or {group.name, group.family} & set(words)]
