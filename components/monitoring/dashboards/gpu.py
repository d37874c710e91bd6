"""The dashboard of the GPUs: who has them, what they do, and whether they are sound.

What GPUs say of themselves comes from NVIDIA's DCGM exporter (`components.gpu.counters`), the rest from the
API server.
"""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard

from components.monitoring.dashboards.cluster import requested
from components.monitoring.dashboards.panels import RATE, Query, Row, board, graph, listing, number

GPU = "nvidia_com_gpu"
NAME = "{{Hostname}} {{gpu}}"
ALLOCATABLE = f'kube_node_status_allocatable{{resource="{GPU}"}}'
ASKED = requested(GPU)
HELD = requested(GPU, 'node!=""')
# MIG slices are resources of their own: nvidia.com/mig-1g.5gb.
WAITING = (
    'max by (namespace, pod) (kube_pod_status_phase{phase="Pending"} == 1)\n'
    'and on (namespace, pod) kube_pod_container_resource_requests{resource=~"nvidia_com_.+"} > 0'
)


def gpu_board() -> dashboard.Dashboard:
    """Allocation, use and health of all GPUs."""
    return board(
        "ml-platform-gpu",
        "GPUs",
        [
            Row(
                title="Allocation",
                panels=[
                    number("GPUs", f"sum({ALLOCATABLE})", explained="Of all nodes that are there now.", width=6),
                    number("Asked for", f"sum({ASKED}) or vector(0)", explained="By living pods.", width=6),
                    number(
                        "Free",
                        f"sum({ALLOCATABLE}) - (sum({HELD}) or vector(0))",
                        explained="GPUs that no pod on their node has.",
                        width=6,
                    ),
                    number(
                        "Pods that wait for GPUs",
                        f"count({WAITING}) or vector(0)",
                        explained="`make status` and the queues' dashboard say what each waits for.",
                        bad_from=1,
                        width=6,
                    ),
                    graph(
                        "By namespace",
                        Query(f"sum by (namespace) ({ASKED})", "{{namespace}}"),
                        Query(f"sum({ALLOCATABLE})", "there are"),
                        explained="GPUs that the pods of each team ask for.",
                    ),
                    graph(
                        "By node",
                        Query(
                            f"sum by (node) ({HELD}) / on (node) sum by (node) ({ALLOCATABLE})",
                            "{{node}}",
                        ),
                        explained="Share of each node's GPUs that pods have. A node that is half full keeps whole-node "
                        "jobs waiting.",
                        unit="percentunit",
                    ),
                ],
            ),
            Row(
                title="Use",
                panels=[
                    graph(
                        "Utilisation",
                        Query("avg by (Hostname, gpu) (DCGM_FI_DEV_GPU_UTIL)", NAME),
                        explained="Share of time in which at least one kernel ran; not how much of the GPU it used.",
                        unit="percent",
                    ),
                    graph(
                        "Memory",
                        Query(
                            "sum by (Hostname, gpu) (DCGM_FI_DEV_FB_USED)\n"
                            "/ sum by (Hostname, gpu) (DCGM_FI_DEV_FB_USED + DCGM_FI_DEV_FB_FREE)",
                            NAME,
                        ),
                        explained="Share of the frame buffer in use.",
                        unit="percentunit",
                    ),
                    graph(
                        "Utilisation by namespace",
                        Query('avg by (namespace) (DCGM_FI_DEV_GPU_UTIL{namespace!=""})', "{{namespace}}"),
                        explained="Mean over the GPUs that the team's pods hold.",
                        unit="percent",
                        width=8,
                    ),
                    graph(
                        "Power",
                        Query("sum by (Hostname) (DCGM_FI_DEV_POWER_USAGE)", "{{Hostname}}"),
                        explained="Of all GPUs of a node. An idle one still draws some dozens of watts.",
                        unit="watt",
                        width=8,
                    ),
                    graph(
                        "NVLink",
                        Query(f"sum by (Hostname) (rate(DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL[{RATE}]))", "{{Hostname}}"),
                        explained="Traffic between the GPUs of a node, in the counter's own unit.",
                        unit="none",
                        width=8,
                    ),
                ],
            ),
            Row(
                title="Health",
                panels=[
                    graph(
                        "Temperature",
                        Query("max by (Hostname, gpu) (DCGM_FI_DEV_GPU_TEMP)", NAME),
                        explained="Of the GPU; its memory is hotter.",
                        unit="celsius",
                        width=8,
                    ),
                    graph(
                        "PCIe replays",
                        Query(f"sum by (Hostname, gpu) (rate(DCGM_FI_DEV_PCIE_REPLAY_COUNTER[{RATE}]))", NAME),
                        explained="Packets sent again: a bad link, if it goes on.",
                        unit="ops",
                        width=8,
                    ),
                    graph(
                        "Clock",
                        Query("avg by (Hostname, gpu) (DCGM_FI_DEV_SM_CLOCK)", NAME),
                        explained="MHz. Falls when a busy GPU is too hot or short of power.",
                        unit="none",
                        width=8,
                    ),
                    listing(
                        "Last Xid error",
                        "max by (Hostname, gpu, modelName) (DCGM_FI_DEV_XID_ERRORS)",
                        explained="0 is none. https://docs.nvidia.com/deploy/xid-errors/ says what each means.",
                        unit="none",
                    ),
                    graph(
                        "Broken memory",
                        Query(
                            "max by (Hostname, gpu) (DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS)", f"{NAME}: rows replaced"
                        ),
                        Query("max by (Hostname, gpu) (DCGM_FI_DEV_ROW_REMAP_FAILURE)", f"{NAME}: none left"),
                        explained="Rows replaced after errors that could not be corrected; 1 of the second kind: no "
                        "row is left to replace the next.",
                        unit="none",
                    ),
                ],
            ),
        ],
    )
