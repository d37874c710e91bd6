"""Alerts about GPUs that are missing, idle or broken. What the GPUs say comes from NVIDIA's DCGM exporter."""

from __future__ import annotations

from components.monitoring.rules.model import Alert, RuleGroup

POD = "{{ $labels.namespace }}/{{ $labels.pod }}"
GPU = "GPU {{ $labels.gpu }} of {{ $labels.Hostname }}"
# Errors of the program that runs on the GPU, and what follows from them, rather than of the GPU:
# https://docs.nvidia.com/deploy/xid-errors/
PROGRAM_XIDS = (13, 31, 43, 45)


def _of_gpu(series: str) -> str:
    return f"max by (Hostname, gpu) ({series})"


GROUP = RuleGroup(
    name="gpu",
    rules=[
        Alert(
            name="GpuPodPending",
            # MIG slices are resources of their own: nvidia.com/mig-1g.5gb.
            expression='max by (namespace, pod) (kube_pod_status_phase{phase="Pending"}) == 1\n'
            "and on (namespace, pod)\n"
            'kube_pod_container_resource_requests{resource=~"nvidia_com_.+"} > 0',
            hold="15m",
            severity="warning",
            summary=f"{POD} has waited for GPUs for 15 minutes.",
        ),
        Alert(
            name="GpuIdle",
            expression='avg by (Hostname, gpu, namespace, pod) (DCGM_FI_DEV_GPU_UTIL{pod!=""}) < 5',
            hold="1h",
            severity="warning",
            summary=f"{GPU} belongs to {POD} and has been idle for an hour.",
        ),
        Alert(
            name="GpuXidError",
            expression=f"{_of_gpu('DCGM_FI_DEV_XID_ERRORS')} > 0\nunless (\n  "
            + "\n  or ".join(f"{_of_gpu('DCGM_FI_DEV_XID_ERRORS')} == {xid}" for xid in PROGRAM_XIDS)
            + "\n)",
            severity="critical",
            summary=f"{GPU} reported an Xid error that no program causes.",
        ),
        Alert(
            name="GpuEccError",
            # Filtered before they are joined: of two series with the same labels, `or` keeps the first, even a zero.
            expression="\nor ".join(
                f"{_of_gpu(series)} > 0"
                for series in (
                    "increase(DCGM_FI_DEV_ECC_DBE_VOL_TOTAL[1h])",
                    "increase(DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS[1h])",
                    "DCGM_FI_DEV_ROW_REMAP_FAILURE",
                )
            ),
            severity="critical",
            summary=f"{GPU} has memory errors that could not be corrected.",
        ),
    ],
)
