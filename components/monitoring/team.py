"""A team as the monitoring sees it: what of its namespace Prometheus may read, and what its servers promise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as k8s

from components.labels import Owner, object_labels
from components.monitoring import network, scraping
from components.monitoring.discovery import discovery_binding
from components.monitoring.names import API, COMPONENT
from components.monitoring.rules.model import rule_group
from components.monitoring.rules.slo import Objectives, objective_rules
from components.monitoring.service import Monitoring
from components.serving.engines import ServerFacts

if TYPE_CHECKING:
    from pulumi_kubernetes.meta import v1 as meta


@dataclass(frozen=True, kw_only=True)
class TeamMonitoringArgs:
    """`namespace`: the team's."""

    monitoring: Monitoring
    owner: Owner
    namespace: pulumi.Input[str]


class TeamMonitoring(pulumi.ComponentResource):
    """Metrics of all of a team's servers, and of those of its trainings that have a port `metrics`."""

    def __init__(self, name: str, args: TeamMonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:monitoring:TeamMonitoring", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        labels = object_labels(args.owner, name=args.owner.team, component=COMPONENT)
        if not args.monitoring.reads_all_namespaces:
            discovery_binding(f"{name}-discovery", args.namespace, labels, child)
        for policy, spec in network.team_policies().items():
            metadata: meta.ObjectMetaArgsDict = {"name": policy, "namespace": args.namespace, "labels": labels}
            k8s.networking.v1.NetworkPolicy(f"{name}-{policy}", metadata=metadata, spec=spec, opts=child)
        monitors: tuple[tuple[str, str, dict[str, Any]], ...] = (
            ("ServiceMonitor", "serving", scraping.team_monitor_spec()),
            ("PodMonitor", "training", scraping.training_monitor_spec()),
        )
        for kind, monitored, spec in monitors:
            k8s.apiextensions.CustomResource(
                f"{name}-{monitored}",
                api_version=API,
                kind=kind,
                metadata={"name": monitored, "namespace": args.namespace, "labels": labels},
                spec=spec,
                opts=pulumi.ResourceOptions(parent=self, depends_on=args.monitoring.ready),
            )
        self.register_outputs({})


@dataclass(frozen=True, kw_only=True)
class ServerObjectivesArgs:
    """What the server `entry` of a team promises. `namespace_name` is the namespace's name as plain text."""

    monitoring: Monitoring
    owner: Owner
    namespace: pulumi.Input[str]
    namespace_name: str
    entry: str
    facts: ServerFacts
    objectives: Objectives


class ServerObjectives(pulumi.ComponentResource):
    """What a model server promises, and how much of it it keeps, as series that the platform's alerts read."""

    def __init__(self, name: str, args: ServerObjectivesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:monitoring:ServerObjectives", name, None, opts)
        rules = objective_rules(args.objectives, args.facts, namespace=args.namespace_name, service=args.entry)
        k8s.apiextensions.CustomResource(
            f"{name}-rules",
            api_version=API,
            kind="PrometheusRule",
            metadata={
                "name": f"slo-{args.entry}",
                "namespace": args.namespace,
                "labels": object_labels(args.owner, name=args.entry, component=COMPONENT),
            },
            spec={"groups": [rule_group(rules, runbooks=args.monitoring.runbooks)]},
            opts=pulumi.ResourceOptions(parent=self, depends_on=args.monitoring.ready),
        )
        self.register_outputs({})
