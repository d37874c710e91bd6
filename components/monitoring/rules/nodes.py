"""Alerts about nodes and about containers that do not stay up, whoever they belong to."""

from __future__ import annotations

from components.monitoring.rules.model import Alert, RuleGroup

GROUP = RuleGroup(
    name="nodes",
    rules=[
        Alert(
            name="NodeNotReady",
            expression='max by (node) (kube_node_status_condition{condition="Ready", status="true"}) == 0',
            hold="5m",
            severity="critical",
            summary="The node {{ $labels.node }} has not been ready for 5 minutes.",
        ),
        Alert(
            name="ContainerRestarting",
            expression="sum by (namespace, pod, container) (\n"
            "  increase(kube_pod_container_status_restarts_total[30m])\n"
            ") > 4",
            severity="warning",
            summary="The container {{ $labels.container }} of {{ $labels.namespace }}/{{ $labels.pod }} was started "
            "again five times within half an hour.",
        ),
    ],
)
