"""The counters that the DCGM exporter is told to read."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from components.gpu.counters import COUNTERS, FILE, FOLDER, counters_file
from components.gpu.operator import GpuOperatorArgs, operator_values
from components.monitoring import dashboards
from components.monitoring.rules import GROUPS
from components.monitoring.rules.model import rule_group
from components.platform.connection import Connection
from components.platform.sources import Sources


def read_by_alerts() -> set[str]:
    return set(re.findall(r"DCGM_FI_\w+", yaml.safe_dump([rule_group(group) for group in GROUPS])))


def read_by_dashboards() -> set[str]:
    (folder,) = dashboards.__path__
    sources = [file.read_text(encoding="utf-8") for file in Path(folder).glob("*.py")]
    return {name for source in sources for name in re.findall(r"DCGM_FI_\w+", source)}


def test_what_is_exported_is_what_alerts_and_dashboards_read() -> None:
    assert "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL" in read_by_alerts()
    assert "DCGM_FI_DEV_GPU_UTIL" in read_by_dashboards()
    fields = {one.field for one in COUNTERS if one.kind != "label"}
    assert fields == read_by_alerts() | read_by_dashboards()


def test_the_file_has_a_line_of_three_parts_for_each() -> None:
    lines = counters_file().splitlines()
    assert len(lines) == len(COUNTERS) == len({one.field for one in COUNTERS})
    for line in lines:
        field, kind, _ = (part.strip() for part in line.split(","))
        assert re.fullmatch(r"DCGM_FI_[A-Z0-9_]+", field)
        assert kind in {"gauge", "counter", "label"}


def test_the_operators_exporter_reads_the_same_file() -> None:
    exporter = operator_values(GpuOperatorArgs(sources=Sources(), connection=Connection(kubeconfig="k")))[
        "dcgmExporter"
    ]
    assert exporter["config"]["data"] == counters_file()
    assert exporter["env"] == [{"name": "DCGM_EXPORTER_COLLECTORS", "value": f"{FOLDER}/{FILE}"}]
