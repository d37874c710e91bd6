"""What waits in the teams' queues and why, in Kueue's own words."""

import json
import subprocess
from collections.abc import Iterable, Mapping
from typing import Any

from rich import box
from rich.table import Table

Object = Mapping[str, Any]


def workload_state(workload: Object) -> tuple[str, str]:
    """The state of a Workload (Waiting, Starting, Running, Stopped, Given up, Finished) and why it is in it."""
    found = {item["type"]: item for item in workload.get("status", {}).get("conditions", [])}

    def said(condition: str, status: str = "True") -> str | None:
        item = found.get(condition)
        return item.get("message", "") if item is not None and item["status"] == status else None

    evicted, unreserved = said("Evicted"), said("QuotaReserved", "False")
    if (message := said("Finished")) is not None:
        return "Finished", message
    if not workload["spec"].get("active", True):
        return "Given up", evicted or said("DeactivationTarget") or "spec.active is false"
    if said("Admitted") is not None:
        late = said("PodsReady", "False")
        return ("Running", "") if late is None else ("Starting", late)
    if said("QuotaReserved") is not None:
        return "Waiting", "has its quota, waits for its admission checks"
    if evicted is not None:
        return "Stopped", "; ".join(text for text in (evicted, unreserved) if text)
    if unreserved is not None:
        return "Waiting", unreserved
    return "Waiting", "Kueue has not looked at it yet; does it run? See: kubectl get pods -n kueue-system"


def owner_name(workload: Object) -> str:
    """The Job that a Workload stands for."""
    owners = [owner["name"] for owner in workload["metadata"].get("ownerReferences", [])]
    return owners[0] if owners else workload["metadata"]["name"]


def unfinished(workloads: Iterable[Object]) -> list[Object]:
    """Workloads that are not done, the oldest first."""
    live = [workload for workload in workloads if workload_state(workload)[0] != "Finished"]
    return sorted(live, key=lambda workload: workload["metadata"]["creationTimestamp"])


def queue_table(workloads: Iterable[Object]) -> Table:
    table = Table(title="Queues", title_justify="left", box=box.SIMPLE_HEAD)
    for column in ("namespace", "job", "priority", "state", "why"):
        table.add_column(column, overflow="fold")
    for workload in unfinished(workloads):
        state, why = workload_state(workload)
        priority = str(workload["spec"].get("priority", 0))
        table.add_row(workload["metadata"]["namespace"], owner_name(workload), priority, state, why)
    return table


def waiting_line(workloads: Iterable[Object]) -> str:
    """One line on the first workload that does not run and how many more there are; '' when none waits."""
    waiting = [
        (workload, state, why)
        for workload in unfinished(workloads)
        for state, why in [workload_state(workload)]
        if state != "Running"
    ]
    if not waiting:
        return ""
    workload, state, why = waiting[0]
    more = f" (and {len(waiting) - 1} more)" if len(waiting) > 1 else ""
    return f"{workload['metadata']['namespace']}/{owner_name(workload)}: {state.lower()}: {why}{more}"


def workloads_of(environment: Mapping[str, str]) -> list[Object]:
    """All Workloads of the cluster; none where Kueue is not installed, or the cluster does not answer."""
    command = ["kubectl", "get", "workloads.kueue.x-k8s.io", "--all-namespaces", "-o", "json", "--request-timeout=10s"]
    try:
        done = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return json.loads(done.stdout)["items"] if done.returncode == 0 else []
