"""mpi-operator, which runs MPIJobs: a launcher and workers that it reaches by ssh."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components import namespaces
from components.platform.controller import ControllerProgram, Probe
from components.platform.drain import Drained
from components.training.operators.chartless import ChartlessOperator

if TYPE_CHECKING:
    from pulumi_kubernetes.rbac import v1 as rbac

TITLE = "mpi-operator"
GROUP = "kubeflow.org"
#: Fixed in the program's code.
PROBE_PORT = 8080
METRICS_PORT = 8081


ARGUMENTS = (
    f"--lock-namespace={namespaces.MPI}",
    f"--monitoring-port={METRICS_PORT}",
    # Its own limits, 5 and 10, make a gang of some dozen workers wait for each other.
    "--kube-api-qps=50",
    "--kube-api-burst=100",
)


# Upstream's, without those for other schedulers.
RULES: list[rbac.PolicyRuleArgsDict] = [
    {"api_groups": [GROUP], "resources": ["mpijobs", "mpijobs/finalizers", "mpijobs/status"], "verbs": ["*"]},
    {
        "api_groups": [""],
        # A job's host file and keys, and the Service by which its pods find each other.
        "resources": ["configmaps", "secrets", "services"],
        "verbs": ["create", "get", "list", "watch", "update"],
    },
    {
        "api_groups": [""],
        "resources": ["pods"],
        "verbs": ["create", "get", "list", "watch", "delete", "update", "patch"],
    },
    {"api_groups": [""], "resources": ["events"], "verbs": ["create", "patch"]},
    {"api_groups": ["batch"], "resources": ["jobs"], "verbs": ["create", "get", "list", "watch", "update"]},
    # It ends where it cannot watch them, also without another scheduler.
    {"api_groups": ["scheduling.k8s.io"], "resources": ["priorityclasses"], "verbs": ["get", "list", "watch"]},
    # Not in upstream's: a job that was preempted has its launcher's time of start cleared before it goes on.
    {"api_groups": ["batch"], "resources": ["jobs/status"], "verbs": ["update"]},
]


class MpiOperator(ChartlessOperator):
    """mpi-operator that is ready, with the kind that it serves."""

    namespace = namespaces.MPI
    definitions = "mpi-operator-crds"
    drained = (Drained(name=TITLE, namespace=namespaces.MPI, group=GROUP),)
    program = ControllerProgram(
        title=TITLE,
        component="training",
        arguments=ARGUMENTS,
        rules=RULES,
        own_rules=[{"api_groups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["*"]}],
        probe=Probe(port=PROBE_PORT, ready="/healthz", live="/healthz"),
        metrics_port=METRICS_PORT,
    )
