"""The dashboard of the whole cluster: is it sound, is it full, and does somebody have to do something."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard

from components.monitoring.dashboards.panels import RATE, Query, Row, board, graph, listing, number

# Pods that have ended keep their requests in the API, but no longer on a node.
LIVING = 'max by (namespace, pod) (kube_pod_status_phase{phase=~"Pending|Running"} == 1)'
ROOT_DISK = 'mountpoint="/", fstype!~"tmpfs|ramfs"'


def requested(resource: str, *more: str) -> str:
    """What living pods ask for of a resource (as kube-state-metrics spells it), by container; `more` are matchers."""
    chosen = ", ".join((f'resource="{resource}"', *more))
    return f"(kube_pod_container_resource_requests{{{chosen}}} * on (namespace, pod) group_left () {LIVING})"


def _api_seconds(part: str) -> str:
    return f'sum by (verb) (rate(apiserver_request_duration_seconds_{part}{{verb!="WATCH"}}[{RATE}]))'


def cluster_board() -> dashboard.Dashboard:
    """Nodes, room, the API server, and the monitoring itself."""
    return board(
        "ml-platform-cluster",
        "Cluster",
        [
            Row(
                title="Now",
                panels=[
                    number(
                        "Nodes ready",
                        'sum(kube_node_status_condition{condition="Ready", status="true"})',
                        explained="Nodes that take pods.",
                    ),
                    number(
                        "Nodes not ready",
                        'count(kube_node_status_condition{condition="Ready", status="true"} == 0) or vector(0)',
                        explained="Nodes whose kubelet does not report, or reports a fault.",
                        bad_from=1,
                    ),
                    number(
                        "Pods running",
                        'sum(kube_pod_status_phase{phase="Running"})',
                        explained="Pods of all namespaces.",
                    ),
                    number(
                        "Pods pending",
                        'sum(kube_pod_status_phase{phase="Pending"})',
                        explained="Pods without a node, or whose containers do not run yet.",
                    ),
                    number(
                        "Alerts firing",
                        'count(ALERTS{alertstate="firing"}) or vector(0)',
                        explained="docs/runbooks.md says what to do about each.",
                        bad_from=1,
                    ),
                    number(
                        "Targets down",
                        "count(up == 0) or vector(0)",
                        explained="What Prometheus should read and cannot.",
                        bad_from=1,
                    ),
                ],
            ),
            Row(
                title="Room",
                panels=[
                    graph(
                        "CPU",
                        Query('sum(kube_node_status_allocatable{resource="cpu"})', "there is"),
                        Query(f"sum({requested('cpu')})", "asked for"),
                        Query(f'sum(rate(container_cpu_usage_seconds_total{{container!=""}}[{RATE}]))', "used"),
                        explained="Cores of all nodes. What is asked for and not used is paid for in vain.",
                    ),
                    graph(
                        "Memory",
                        Query('sum(kube_node_status_allocatable{resource="memory"})', "there is"),
                        Query(f"sum({requested('memory')})", "asked for"),
                        Query('sum(container_memory_working_set_bytes{container!=""})', "used"),
                        explained="Memory of all nodes.",
                        unit="bytes",
                    ),
                    graph(
                        "CPU of nodes",
                        Query(f'1 - avg by (node) (rate(node_cpu_seconds_total{{mode="idle"}}[{RATE}]))', "{{node}}"),
                        explained="Share of each node's cores that is busy.",
                        unit="percentunit",
                        width=8,
                    ),
                    graph(
                        "Memory of nodes",
                        Query(
                            "1 - max by (node) (node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)",
                            "{{node}}",
                        ),
                        explained="Share of each node's memory that could not be given to another process.",
                        unit="percentunit",
                        width=8,
                    ),
                    graph(
                        "Disk of nodes",
                        Query(
                            f"1 - max by (node) (node_filesystem_avail_bytes{{{ROOT_DISK}}}\n"
                            f"  / node_filesystem_size_bytes{{{ROOT_DISK}}})",
                            "{{node}}",
                        ),
                        explained="Share of the root disk in use. From about 0.85 on the kubelet evicts pods.",
                        unit="percentunit",
                        width=8,
                    ),
                ],
            ),
            Row(
                title="Workloads",
                panels=[
                    graph(
                        "Pods by phase",
                        Query("sum by (phase) (kube_pod_status_phase)", "{{phase}}"),
                        explained="All namespaces.",
                        stacked=True,
                    ),
                    listing(
                        "Most restarts within an hour",
                        "topk(10, sum by (namespace, pod, container) (\n"
                        "  increase(kube_pod_container_status_restarts_total[1h])\n))",
                        explained="Containers that do not stay up.",
                    ),
                ],
            ),
            Row(
                title="API server",
                panels=[
                    graph(
                        "Requests",
                        Query(f"sum by (code) (rate(apiserver_request_total[{RATE}]))", "{{code}}"),
                        explained="By status code. 409 and 404 are usual; 5xx and 429 are not.",
                        unit="reqps",
                        stacked=True,
                        width=8,
                    ),
                    graph(
                        "Mean latency",
                        Query(f"{_api_seconds('sum')}\n/ {_api_seconds('count')}", "{{verb}}"),
                        explained="Watches are left out, since they last as long as their client.",
                        unit="s",
                        width=8,
                    ),
                    graph(
                        "Requests in flight",
                        Query("sum by (request_kind) (apiserver_current_inflight_requests)", "{{request_kind}}"),
                        explained="Of those that read, and of those that change something.",
                        width=8,
                    ),
                ],
            ),
            Row(
                title="DNS and monitoring",
                panels=[
                    graph(
                        "DNS answers",
                        Query(f"sum by (rcode) (rate(coredns_dns_responses_total[{RATE}]))", "{{rcode}}"),
                        explained="NXDOMAIN is usual: search domains are tried one after the other.",
                        unit="ops",
                        width=8,
                    ),
                    graph(
                        "Series",
                        Query("sum(prometheus_tsdb_head_series)", "series"),
                        explained="What Prometheus keeps in memory; a jump is a label with too many values.",
                        width=8,
                    ),
                    graph(
                        "Failures of the monitoring",
                        Query("sum(increase(prometheus_rule_evaluation_failures_total[1h]))", "rules"),
                        Query("sum(increase(prometheus_notifications_dropped_total[1h]))", "alerts that were dropped"),
                        Query("sum(increase(alertmanager_notifications_failed_total[1h]))", "messages not delivered"),
                        explained="Within an hour. All should be 0: without the monitoring, silence means nothing.",
                        width=8,
                    ),
                ],
            ),
        ],
    )
