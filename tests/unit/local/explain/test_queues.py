"""What `make status` and a waiting `make up` say of queued training."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from rich.console import Console

from local.explain.queues import queue_table, waiting_line, workload_state

NO_QUOTA = "couldn't assign flavors to pod set main: insufficient unused quota for nvidia.com/gpu, 4 more needed"
Conditions = Mapping[str, tuple[str, str]]


def workload(
    name: str = "digits", conditions: Conditions = MappingProxyType({}), *, created: int = 0, active: bool = True
) -> dict[str, Any]:
    """A Workload; each condition is its status and message."""
    return {
        "metadata": {
            "name": f"job-{name}-1a2b3",
            "namespace": "demo",
            "creationTimestamp": f"2026-11-22T10:00:{created:02}Z",
            "ownerReferences": [{"kind": "Job", "name": name}],
        },
        "spec": {"priority": 100, "active": active},
        "status": {
            "conditions": [
                {"type": kind, "status": status, "message": message} for kind, (status, message) in conditions.items()
            ],
        },
    }


RESERVED = {"QuotaReserved": ("True", ""), "Admitted": ("True", "")}


@pytest.mark.parametrize(
    ("conditions", "state", "why"),
    [
        ({}, "Waiting", "kubectl get pods -n kueue-system"),
        ({"QuotaReserved": ("False", NO_QUOTA)}, "Waiting", NO_QUOTA),
        ({"QuotaReserved": ("True", "")}, "Waiting", "admission checks"),
        (RESERVED, "Running", ""),
        (RESERVED | {"PodsReady": ("True", "")}, "Running", ""),
        (RESERVED | {"PodsReady": ("False", "Not all pods are ready")}, "Starting", "Not all pods are ready"),
        (
            {"Evicted": ("True", "Preempted"), "QuotaReserved": ("False", NO_QUOTA), "Admitted": ("False", "")},
            "Stopped",
            f"Preempted; {NO_QUOTA}",
        ),
        # An old eviction says nothing of a workload that runs again.
        (RESERVED | {"Evicted": ("False", "Preempted")}, "Running", ""),
        (RESERVED | {"Finished": ("True", "Job finished successfully")}, "Finished", "successfully"),
    ],
)
def test_the_state_of_a_workload_and_why(conditions: Conditions, state: str, why: str) -> None:
    found = workload(conditions=conditions)
    assert workload_state(found)[0] == state
    assert why in workload_state(found)[1]


def test_a_workload_that_kueue_gave_up_is_not_waiting() -> None:
    found = workload(conditions={"Evicted": ("True", "Deactivated: too many tries")}, active=False)
    assert workload_state(found) == ("Given up", "Deactivated: too many tries")


def test_the_table_has_what_is_not_finished_the_oldest_first() -> None:
    finished = workload("done", {"Finished": ("True", "")})
    table = queue_table([workload("second", created=2), finished, workload("first", created=1)])
    console = Console(width=200)
    with console.capture() as captured:
        console.print(table)
    text = captured.get()
    assert "done" not in text
    assert text.index("first") < text.index("second")
    assert "100" in text


def test_one_line_names_the_first_that_waits() -> None:
    waiting = [workload("b", {"QuotaReserved": ("False", "no room")}, created=2), workload("a", created=1)]
    assert waiting_line([workload("c", RESERVED)]) == ""
    assert waiting_line(waiting[:1]) == "demo/b: waiting: no room"
    assert waiting_line(waiting).startswith("demo/a: waiting: ")
    assert waiting_line(waiting).endswith("(and 1 more)")
