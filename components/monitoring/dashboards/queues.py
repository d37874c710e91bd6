"""The dashboard of the queues: who waits, how long, and who has whose quota. All of it comes from Kueue."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard

from components.monitoring.dashboards.panels import RATE, Query, Row, board, graph, listing, number

QUEUE = "{{cluster_queue}}"
QUOTA = "{{cluster_queue}} {{flavor}}"
GPU = 'resource="nvidia.com/gpu"'
BY_FLAVOR = "sum by (cluster_queue, flavor)"


def _waited(quantile: float, cause: str) -> str:
    """How long workloads waited, of those that came through within an hour."""
    return f"histogram_quantile({quantile:g}, sum by (cluster_queue, le) (rate({cause}_bucket[1h])))"


def _quota(matcher: str) -> tuple[Query, Query]:
    """What a queue uses of a resource, and what of it is its own."""
    return (
        Query(f"{BY_FLAVOR} (kueue_cluster_queue_resource_usage{{{matcher}}})", f"{QUOTA}: used"),
        Query(f"{BY_FLAVOR} (kueue_cluster_queue_nominal_quota{{{matcher}}})", f"{QUOTA}: own"),
    )


def queues_board() -> dashboard.Dashboard:
    """Waiting, quota and preemption of all queues."""
    return board(
        "ml-platform-queues",
        "Queues",
        [
            Row(
                title="Waiting",
                panels=[
                    number("Waiting", "sum(kueue_pending_workloads)", explained="Workloads without quota.", width=6),
                    number("Running", "sum(kueue_admitted_active_workloads)", explained="Admitted workloads.", width=6),
                    number(
                        "Finished within an hour",
                        "sum(increase(kueue_finished_workloads_total[1h])) or vector(0)",
                        explained="Well or not: the team's dashboard tells failed trainings.",
                        width=6,
                    ),
                    number(
                        "Queues that admit nothing",
                        'count(kueue_cluster_queue_status{status!="active"} == 1) or vector(0)',
                        explained="Pending or terminating: mostly a flavor that does not exist.",
                        bad_from=1,
                        width=6,
                    ),
                    graph(
                        "Waiting by queue",
                        Query("sum by (cluster_queue, status) (kueue_pending_workloads)", f"{QUEUE}: {{{{status}}}}"),
                        explained="`active` may be admitted next, `inadmissible` do not fit into what is free.",
                    ),
                    graph(
                        "Running by queue",
                        Query("sum by (cluster_queue) (kueue_admitted_active_workloads)", QUEUE),
                        explained="Admitted workloads that have not finished.",
                        stacked=True,
                    ),
                    graph(
                        "Wait for admission",
                        Query(_waited(0.5, "kueue_admission_wait_time_seconds"), f"{QUEUE}: half within"),
                        Query(_waited(0.9, "kueue_admission_wait_time_seconds"), f"{QUEUE}: 90 % within"),
                        explained="From the making of a workload to its admission.",
                        unit="s",
                    ),
                    graph(
                        "Start after admission",
                        Query(_waited(0.9, "kueue_admitted_until_ready_wait_time_seconds"), f"{QUEUE}: 90 % within"),
                        explained="From the admission until all pods are ready: nodes start, images are pulled.",
                        unit="s",
                    ),
                ],
            ),
            Row(
                title="Quota",
                panels=[
                    graph(
                        "GPUs",
                        *_quota(GPU),
                        explained="Use above one's own quota is borrowed from the cohort.",
                        width=8,
                    ),
                    graph("CPU", *_quota('resource="cpu"'), explained="Cores.", width=8),
                    graph("Memory", *_quota('resource="memory"'), explained="Bytes.", unit="bytes", width=8),
                    graph(
                        "Borrowed GPUs",
                        Query(
                            f"clamp_min({BY_FLAVOR} (kueue_cluster_queue_resource_usage{{{GPU}}})\n"
                            f"  - {BY_FLAVOR} (kueue_cluster_queue_nominal_quota{{{GPU}}}), 0)",
                            QUOTA,
                        ),
                        explained="Taken back when the owner needs them.",
                    ),
                    graph(
                        "Share of the cohort",
                        Query("max by (cluster_queue) (kueue_cluster_queue_weighted_share)", QUEUE),
                        explained="Borrowed quota relative to the queue's weight; the largest share is preempted "
                        "first. There with fair sharing only.",
                    ),
                ],
            ),
            Row(
                title="Admission",
                panels=[
                    graph(
                        "Attempts",
                        Query(f"sum by (result) (rate(kueue_admission_attempts_total[{RATE}]))", "{{result}}"),
                        explained="Rounds of the scheduler. Only `inadmissible`: all that waits is too big.",
                        unit="ops",
                        width=8,
                    ),
                    graph(
                        "Evicted",
                        Query(
                            "sum by (cluster_queue, reason) (increase(kueue_evicted_workloads_total[1h]))",
                            f"{QUEUE}: {{{{reason}}}}",
                        ),
                        explained="Workloads that lost their place within an hour, and why.",
                        width=8,
                    ),
                    listing(
                        "Preempted within a day",
                        "sum by (preempting_cluster_queue, reason) (increase(kueue_preempted_workloads_total[1d]))",
                        explained="For whom, and by which rule.",
                        width=8,
                    ),
                ],
            ),
        ],
    )
