"""Series that dashboards and rules read and that this machine's platform does not have, each with the reason.

A series in `NEVER` that has data after all fails the test, so that the list stays true. What is in `PERHAPS` has data
once something happened that other tests do, in no fixed order.
"""

from __future__ import annotations

from collections.abc import Mapping

NO_GPU = "DCGM: no GPU on this machine"
FOLDERS = "the volumes of the embedded cluster are folders of its node, which the kubelet does not measure"
NO_ROTATION = "the embedded cluster's kubelet has certificates that it does not renew itself"

NEVER: Mapping[str, str] = {
    "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": NO_GPU,
    "DCGM_FI_DEV_FB_FREE": NO_GPU,
    "DCGM_FI_DEV_FB_USED": NO_GPU,
    "DCGM_FI_DEV_GPU_TEMP": NO_GPU,
    "DCGM_FI_DEV_GPU_UTIL": NO_GPU,
    "DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL": NO_GPU,
    "DCGM_FI_DEV_PCIE_REPLAY_COUNTER": NO_GPU,
    "DCGM_FI_DEV_POWER_USAGE": NO_GPU,
    "DCGM_FI_DEV_ROW_REMAP_FAILURE": NO_GPU,
    "DCGM_FI_DEV_SM_CLOCK": NO_GPU,
    "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS": NO_GPU,
    "DCGM_FI_DEV_XID_ERRORS": NO_GPU,
    "kubelet_volume_stats_available_bytes": FOLDERS,
    "kubelet_volume_stats_capacity_bytes": FOLDERS,
    "kubelet_volume_stats_inodes": FOLDERS,
    "kubelet_volume_stats_inodes_free": FOLDERS,
    "kubelet_volume_stats_used_bytes": FOLDERS,
    '{__name__=~"kubelet_certificate_manager_(client|server)_ttl_seconds"}': NO_ROTATION,
}

PERHAPS: Mapping[str, str] = {
    "ALERTS": "there once an alert waits or fires",
    "kube_job_failed": "there once a Job failed",
    "kueue_evicted_workloads_total": "there once a workload lost its quota",
    "kueue_finished_workloads_total": "there once a workload of a queue finished",
    "kueue_preempted_workloads_total": "there once a workload was preempted",
}
