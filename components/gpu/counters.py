"""Which counters the DCGM exporter reads: those that the platform's alerts and dashboards look at, and no others.

The exporter's own list leaves the errors of GPU memory out, so that an alert on them would never fire. Each counter
costs a series of every GPU, and profiling counters cost the GPU time.
Fields: https://docs.nvidia.com/datacenter/dcgm/latest/dcgm-api/dcgm-api-field-ids.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# The name that NVIDIA's own charts give the file.
FILE = "dcgm-metrics.csv"
FOLDER = "/etc/dcgm-exporter"


@dataclass(frozen=True)
class Counter:
    """A field of DCGM, what Prometheus takes it for, and what it says."""

    field: str
    kind: Literal["gauge", "counter", "label"]
    meaning: str


COUNTERS = (
    Counter("DCGM_FI_DEV_GPU_UTIL", "gauge", "Share of time in which the GPU computed (percent)."),
    Counter("DCGM_FI_DEV_FB_USED", "gauge", "GPU memory in use (MiB)."),
    Counter("DCGM_FI_DEV_FB_FREE", "gauge", "GPU memory that is free (MiB)."),
    Counter("DCGM_FI_DEV_GPU_TEMP", "gauge", "Temperature of the GPU (degrees Celsius)."),
    Counter("DCGM_FI_DEV_POWER_USAGE", "gauge", "Power that the GPU draws (W)."),
    Counter("DCGM_FI_DEV_SM_CLOCK", "gauge", "Clock of the multiprocessors (MHz)."),
    Counter("DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL", "counter", "Traffic over all NVLinks of the GPU (KiB)."),
    Counter("DCGM_FI_DEV_PCIE_REPLAY_COUNTER", "counter", "Transfers over PCIe that were repeated."),
    Counter("DCGM_FI_DEV_XID_ERRORS", "gauge", "Number of the last Xid error; 0 when there was none."),
    Counter("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", "counter", "Memory errors since the driver started that ECC cannot mend."),
    Counter("DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS", "counter", "Rows of memory replaced after such an error."),
    Counter("DCGM_FI_DEV_ROW_REMAP_FAILURE", "gauge", "1 when a row of memory could not be replaced."),
    Counter("DCGM_FI_DRIVER_VERSION", "label", "Version of the driver."),
)


def counters_file() -> str:
    """The list as the exporter reads it, CSV without quotes: a line for each counter, of field, kind and help text."""
    return "".join(f"{one.field}, {one.kind}, {one.meaning}\n" for one in COUNTERS)
