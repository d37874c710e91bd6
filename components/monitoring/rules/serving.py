"""Alerts about model servers: broken promises, and the ways in which they run out of something."""

from __future__ import annotations

from components.monitoring.rules import slo
from components.monitoring.rules.model import Alert, RuleGroup
from components.monitoring.rules.select import of_component

SERVER = "{{ $labels.namespace }}/{{ $labels.service }}"
POD = "{{ $labels.namespace }}/{{ $labels.pod }}"
# The container of a model server (components/serving/deployment.py).
CONTAINER = 'container="server"'


def _used_share(used: str, resource: str) -> str:
    """How much of its limit a server's container uses."""
    return (
        f"sum by (namespace, pod) ({used})\n"
        f'/ sum by (namespace, pod) (kube_pod_container_resource_limits{{{CONTAINER}, resource="{resource}"}})'
    )


GROUP = RuleGroup(
    name="serving",
    rules=[
        Alert(
            name="ModelServerErrorsBurnFast",
            expression=slo.burn_expression(slo.ERRORS, slo.FAST),
            severity="critical",
            summary=f"{SERVER} fails so many requests that its error budget of a month is gone within days.",
        ),
        Alert(
            name="ModelServerErrorsBurnSlowly",
            expression=slo.burn_expression(slo.ERRORS, slo.SLOW),
            severity="warning",
            summary=f"{SERVER} fails more requests than its objective allows.",
        ),
        Alert(
            name="ModelServerSlownessBurnsFast",
            expression=slo.burn_expression(slo.SLOWNESS, slo.FAST),
            severity="critical",
            summary=f"{SERVER} answers so many requests late that its latency budget of a month is gone within days.",
        ),
        Alert(
            name="ModelServerSlownessBurnsSlowly",
            expression=slo.burn_expression(slo.SLOWNESS, slo.SLOW),
            severity="warning",
            summary=f"{SERVER} answers more requests late than its objective allows.",
        ),
        Alert(
            name="ModelServerDown",
            expression="(kube_deployment_status_replicas_available == 0 and kube_deployment_spec_replicas > 0)\n"
            + of_component("deployment", "serving"),
            hold="3m",
            severity="critical",
            summary="{{ $labels.namespace }}/{{ $labels.deployment }} has no replica that answers.",
        ),
        Alert(
            name="StatefulReplicaDown",
            expression="(kube_statefulset_status_replicas_ready < kube_statefulset_replicas)\n"
            + of_component("statefulset", "serving"),
            hold="5m",
            severity="critical",
            summary="{{ $labels.namespace }}/{{ $labels.statefulset }} has a replica that does not answer, and with it "
            "the data that it keeps.",
        ),
        Alert(
            name="BackupFailed",
            expression="(kube_job_status_failed > 0 unless on (namespace, job_name) kube_job_status_succeeded > 0)\n"
            + of_component("job", "backup", label="job_name"),
            hold="1m",
            severity="warning",
            summary="The backup {{ $labels.namespace }}/{{ $labels.job_name }} failed.",
        ),
        Alert(
            name="ModelServerAtMaxReplicas",
            expression="(kube_horizontalpodautoscaler_status_desired_replicas\n"
            " >= kube_horizontalpodautoscaler_spec_max_replicas\n"
            " > kube_horizontalpodautoscaler_spec_min_replicas)\n" + of_component("horizontalpodautoscaler", "serving"),
            hold="15m",
            severity="warning",
            summary="{{ $labels.namespace }}/{{ $labels.horizontalpodautoscaler }} has all the replicas that it may "
            "have, and no room for more load.",
        ),
        Alert(
            name="ModelServerCpuSaturated",
            expression=_used_share(f"rate(container_cpu_usage_seconds_total{{{CONTAINER}}}[5m])", "cpu") + " > 0.9",
            hold="15m",
            severity="warning",
            summary=f"{POD} uses more than 90 % of its CPU limit.",
        ),
        Alert(
            name="ModelServerMemoryNearLimit",
            expression=_used_share(f"container_memory_working_set_bytes{{{CONTAINER}}}", "memory") + " > 0.9",
            hold="10m",
            severity="warning",
            summary=f"{POD} uses more than 90 % of its memory limit, and is killed at 100 %.",
        ),
    ],
)
