"""Alerts about Kueue's queues: nothing is admitted, or everything only after a long time."""

from __future__ import annotations

from components.monitoring.rules.model import Alert, RuleGroup

GROUP = RuleGroup(
    name="queueing",
    rules=[
        Alert(
            name="QueueStalled",
            expression="sum by (cluster_queue) (kueue_pending_workloads) > 0\n"
            "unless sum by (cluster_queue) (increase(kueue_admitted_workloads_total[1h])) > 0",
            hold="1h",
            severity="warning",
            summary="Workloads wait in the queue {{ $labels.cluster_queue }}, and none was admitted for an hour.",
        ),
        Alert(
            name="QueueWaitLong",
            expression="histogram_quantile(0.9, sum by (cluster_queue, le) (\n"
            "  rate(kueue_admission_wait_time_seconds_bucket[6h])\n"
            ")) > 3600",
            hold="10m",
            severity="warning",
            summary="One workload in ten waited more than an hour in the queue {{ $labels.cluster_queue }}.",
        ),
    ],
)
