"""`make status`: what runs, what waits and why, in a few tables."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from components.gpu_resources import GPU, is_gpu_resource
from local import process
from local.commands.prepare import existing_pulumi
from local.explain.queues import queue_table, workloads_of
from local.explain.refused import REFUSALS, refusals
from local.explain.unscheduled import Snapshot, number, requests
from local.explain.waits import waiting_reason
from local.node.embedded import EmbeddedNode
from local.paths import INSTANCES
from local.stack import read_environment, stack_file
from local.toolchain.tools import KUBERNETES
from stacks.clouds.config import LocalCluster

Object = Mapping[str, Any]


def gpus(resources: Mapping[str, str]) -> str:
    """GPUs, and parts of GPUs with what they are: `8`, `56 mig-1g.5gb`."""
    return ", ".join(
        amount if name == GPU else f"{amount} {name.removeprefix('nvidia.com/')}"
        for name, amount in sorted(resources.items())
        if is_gpu_resource(name) and amount != "0"
    )


def ready(conditions: Iterable[Object], kind: str = "Ready") -> bool:
    return any(item["type"] == kind and item["status"] == "True" for item in conditions)


def pod_state(pod: Object) -> str:
    if pod["metadata"].get("deletionTimestamp"):
        return "Terminating"
    phase = pod["status"].get("phase", "Unknown")
    if phase == "Running" and not ready(pod["status"].get("conditions", [])):
        return "Running, not ready"
    return phase


def programs_line(states: Mapping[str, str]) -> str:
    """One line on the node's programs: how many run, and the state of each that does not."""
    down = {name: state for name, state in states.items() if state != "RUNNING"}
    if not states:
        return "not running; 'make up' starts it"
    if not down:
        return f"all {len(states)} programs run"
    return ", ".join(f"{name} {state}" for name, state in down.items()) + "; 'make up' repairs it"


def node_table(nodes: Iterable[Object]) -> Table:
    table = Table(title="Nodes", title_justify="left", box=box.SIMPLE_HEAD)
    for column in ("node", "kind", "type", "GPUs", "state"):
        table.add_column(column)
    for node in nodes:
        labels = node["metadata"]["labels"]
        table.add_row(
            node["metadata"]["name"],
            labels.get("ml-platform/node", "node"),
            labels.get("node.kubernetes.io/instance-type", ""),
            gpus(node["status"].get("allocatable", {})),
            "Ready" if ready(node["status"].get("conditions", [])) else "not ready",
        )
    return table


def pod_table(cluster: Snapshot, namespaces: Iterable[str]) -> Table:
    table = Table(title="Pods of the teams", title_justify="left", box=box.SIMPLE_HEAD)
    for column in ("namespace", "pod", "GPUs", "node", "state", "why"):
        table.add_column(column, overflow="fold")
    wanted = set(namespaces)
    for pod in cluster.pods:
        if pod["metadata"]["namespace"] in wanted:
            asked = {name: number(amount) for name, amount in requests(pod).items()}
            table.add_row(
                pod["metadata"]["namespace"],
                pod["metadata"]["name"],
                gpus(asked),
                pod["spec"].get("nodeName", ""),
                pod_state(pod),
                waiting_reason(pod, cluster),
            )
    return table


def refused_table(refused: Iterable[tuple[Object, str]], namespaces: Iterable[str]) -> Table:
    table = Table(title="Refused by the API server", title_justify="left", box=box.SIMPLE_HEAD)
    for column in ("namespace", "workload", "why"):
        table.add_column(column, overflow="fold")
    wanted = set(namespaces)
    for workload, why in refused:
        metadata = workload["metadata"]
        if metadata["namespace"] in wanted:
            table.add_row(metadata["namespace"], f"{workload['kind']} {metadata['name']}", why)
    return table


def scaling_table(autoscalers: Iterable[Object]) -> Table:
    table = Table(title="Autoscalers", title_justify="left", box=box.SIMPLE_HEAD)
    for column in ("namespace", "server", "replicas", "range", "CPU now / wanted"):
        table.add_column(column)
    for item in autoscalers:
        spec, status = item["spec"], item.get("status", {})
        now = [
            str(metric["resource"]["current"].get("averageUtilization", "?"))
            for metric in status.get("currentMetrics") or []
            if metric["type"] == "Resource"
        ]
        wanted = [
            str(metric["resource"]["target"].get("averageUtilization", "?"))
            for metric in spec["metrics"]
            if metric["type"] == "Resource"
        ]
        table.add_row(
            item["metadata"]["namespace"],
            spec["scaleTargetRef"]["name"],
            str(status.get("currentReplicas", "?")),
            f"{spec['minReplicas']} to {spec['maxReplicas']}",
            f"{', '.join(now) or 'no figure yet'} / {', '.join(wanted)} %",
        )
    return table


def show(stack: str) -> None:
    """Print the state of the cluster's programs and nodes, and of the teams' pods, queues and autoscalers."""
    # Messages of the cluster may have brackets.
    console = Console(highlight=False, markup=False)
    pulumi = existing_pulumi(stack)
    environment = read_environment(stack_file(stack))
    if isinstance(environment.cluster, LocalCluster):
        states = EmbeddedNode(INSTANCES["dev"], pulumi.programs).program_states()
        console.print(f"Embedded cluster, Kubernetes {KUBERNETES}: {programs_line(states)}\n")

    def get(*words: str) -> list[Object]:
        return json.loads(process.output(["kubectl", "get", *words, "-o", "json"], env=pulumi.cluster_environment()))[
            "items"
        ]

    namespaces = [team.namespace_name for team in environment.teams]
    cluster = Snapshot(nodes=get("nodes"), pods=get("pods", "--all-namespaces"))
    console.print(node_table(cluster.nodes))
    console.print(pod_table(cluster, namespaces))
    events = [
        event
        for reason in REFUSALS
        for event in get("events", "--all-namespaces", "--field-selector", f"reason={reason}")
    ]
    if refused := refusals([*cluster.pods, *get("jobs,replicasets", "--all-namespaces")], events):
        console.print(refused_table(refused, namespaces))
    if environment.queueing is not None:
        console.print(queue_table(workloads_of(pulumi.cluster_environment())))
    console.print(scaling_table(get("hpa", "--all-namespaces")))
