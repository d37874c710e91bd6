"""Alerts about the monitoring itself: without it, silence means nothing."""

from __future__ import annotations

from components.monitoring.rules.model import Alert, RuleGroup

GROUP = RuleGroup(
    name="monitoring",
    rules=[
        Alert(
            name="TargetDown",
            expression="up == 0",
            hold="10m",
            severity="warning",
            summary="Prometheus cannot read the metrics of {{ $labels.job }} at {{ $labels.instance }}.",
        ),
        Alert(
            name="RuleEvaluationFails",
            expression="sum by (rule_group) (increase(prometheus_rule_evaluation_failures_total[10m])) > 0",
            severity="warning",
            summary="Prometheus cannot evaluate the rules of {{ $labels.rule_group }}.",
        ),
        Alert(
            name="AlertsNotDelivered",
            expression="sum by (job) (increase(alertmanager_notifications_failed_total[15m])) > 0\n"
            "or sum by (job) (increase(prometheus_notifications_dropped_total[15m])) > 0",
            hold="5m",
            severity="critical",
            summary="{{ $labels.job }} cannot deliver alerts.",
        ),
    ],
)
