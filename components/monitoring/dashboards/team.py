"""The dashboard of one team: its quota, its trainings, its servers, its volumes."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard

from components.monitoring.dashboards.cluster import requested
from components.monitoring.dashboards.panels import RATE, Query, Row, board, graph, listing, number
from components.monitoring.training_state import CONDITION, CREATED
from components.serving.engines import DEPLOYMENT as PREDICTOR


def team_board(team: str, namespace: str) -> dashboard.Dashboard:
    """What a team has on the cluster. It is one namespace's, so its title and its queries name that."""
    here = f'namespace="{namespace}"'
    pods = f'{here}, container!=""'

    def phase(name: str) -> str:
        return f'sum(kube_pod_status_phase{{{here}, phase="{name}"}})'

    def quota(kind: str) -> str:
        return f'max by (resource) (kube_resourcequota{{{here}, type="{kind}"}})'

    return board(
        f"ml-platform-team-{team}",
        f"Team {team}",
        [
            Row(
                title="Now",
                panels=[
                    number("Pods running", phase("Running"), explained="Trainings and servers."),
                    number("Pods pending", phase("Pending"), explained="`make status` says what each waits for."),
                    number(
                        "Trainings failed",
                        f'(sum(kube_job_failed{{{here}, condition="true"}}) or vector(0)) + '
                        f'(sum({CONDITION}{{{here}, condition="Failed"}}) or vector(0))',
                        explained="That are still there; the next `pulumi up` runs them again.",
                        bad_from=1,
                    ),
                    number(
                        "GPUs",
                        f"sum({requested('nvidia_com_gpu', here)}) or vector(0)",
                        explained="That living pods ask for.",
                    ),
                    number(
                        "Servers without a replica",
                        f"count(kube_deployment_status_replicas_available{{{here}}} == 0) or vector(0)",
                        explained="Deployments of which no replica answers.",
                        bad_from=1,
                    ),
                    number(
                        "Alerts firing",
                        f'count(ALERTS{{{here}, alertstate="firing"}}) or vector(0)',
                        explained="docs/runbooks.md says what to do about each.",
                        bad_from=1,
                    ),
                ],
            ),
            Row(
                title="Quota",
                panels=[
                    graph(
                        "Share of the quota",
                        Query(f"{quota('used')} / {quota('hard')}", "{{resource}}"),
                        explained="At 1 the next pod or claim is refused.",
                        unit="percentunit",
                    ),
                    listing(
                        "Quota",
                        f"max by (resource, type) (kube_resourcequota{{{here}}})",
                        explained="`hard` is what the team may ask for, `used` what it does.",
                    ),
                    graph(
                        "CPU",
                        Query(f"sum({requested('cpu', here)})", "asked for"),
                        Query(f"sum(rate(container_cpu_usage_seconds_total{{{pods}}}[{RATE}]))", "used"),
                        explained="Cores.",
                    ),
                    graph(
                        "Memory",
                        Query(f"sum({requested('memory', here)})", "asked for"),
                        Query(f"sum(container_memory_working_set_bytes{{{pods}}})", "used"),
                        explained="What a node cannot take from the containers.",
                        unit="bytes",
                    ),
                ],
            ),
            Row(
                title="Training",
                panels=[
                    graph(
                        "Jobs",
                        Query(f"sum(kube_job_status_active{{{here}}})", "pods that run"),
                        Query(f"sum(kube_job_status_suspended{{{here}}})", "jobs that wait in a queue"),
                        Query(f'sum(kube_job_complete{{{here}, condition="true"}})', "jobs that are done"),
                        explained="Jobs stay until the stack drops them.",
                    ),
                    graph(
                        "Trainings of several pods",
                        Query(
                            f"sum by (customresource_kind, condition) ({CONDITION}{{{here}}})",
                            "{{customresource_kind}}: {{condition}}",
                        ),
                        explained="By the conditions of their objects: TrainJob, PyTorchJob, TFJob, MPIJob, RayJob.",
                    ),
                    listing(
                        "Age of trainings",
                        f"time() - {CREATED}{{{here}}}",
                        explained="Time since each was made, its time in the queue included.",
                        unit="s",
                    ),
                    graph(
                        "Queue",
                        Query(
                            f"sum by (name, status) (kueue_local_queue_pending_workloads{{{here}}})",
                            "{{name}}: {{status}}",
                        ),
                        Query(
                            f"sum by (name) (kueue_local_queue_admitted_active_workloads{{{here}}})",
                            "{{name}}: running",
                        ),
                        explained="`active` may be admitted next, `inadmissible` do not fit into what is free. There "
                        "with Kueue only.",
                    ),
                    graph(
                        "GPU utilisation",
                        Query(f"avg by (pod) (DCGM_FI_DEV_GPU_UTIL{{{here}}})", "{{pod}}"),
                        explained="Percent of the time in which a kernel ran.",
                        unit="percent",
                    ),
                    graph(
                        "CPU by pod",
                        Query(
                            f"topk(10, sum by (pod) (rate(container_cpu_usage_seconds_total{{{pods}}}[{RATE}])))",
                            "{{pod}}",
                        ),
                        explained="The ten busiest.",
                    ),
                ],
            ),
            Row(
                title="Serving",
                panels=[
                    graph(
                        "Requests",
                        Query(
                            f"sum by (service) (rate(predictor_requests_total{{{here}, {PREDICTOR.asked}}}[{RATE}]))",
                            "{{service}}",
                        ),
                        explained="Predictions by server. The dashboard of the model servers has the rest.",
                        unit="reqps",
                        width=8,
                    ),
                    graph(
                        "Replicas available",
                        Query(
                            f"max by (deployment) (kube_deployment_status_replicas_available{{{here}}})",
                            "{{deployment}}",
                        ),
                        explained="By server.",
                        width=8,
                    ),
                    graph(
                        "Restarts",
                        Query(
                            f"sum by (pod) (increase(kube_pod_container_status_restarts_total{{{here}}}[1h]))",
                            "{{pod}}",
                        ),
                        explained="Within an hour.",
                        width=8,
                    ),
                ],
            ),
            Row(
                title="Storage",
                panels=[
                    listing(
                        "Claims",
                        f"max by (persistentvolumeclaim) (\n"
                        f"  kube_persistentvolumeclaim_resource_requests_storage_bytes{{{here}}}\n)",
                        explained="What each asks for.",
                        unit="bytes",
                    ),
                    graph(
                        "Used",
                        Query(
                            f"max by (persistentvolumeclaim) (kubelet_volume_stats_used_bytes{{{here}}}\n"
                            f"  / kubelet_volume_stats_capacity_bytes{{{here}}})",
                            "{{persistentvolumeclaim}}",
                        ),
                        explained="Share of each volume. Not every kind of volume is measured.",
                        unit="percentunit",
                    ),
                ],
            ),
        ],
    )
