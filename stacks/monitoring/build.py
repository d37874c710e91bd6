"""The monitoring of an environment: from what its config says to the components."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import pulumi

from components.cluster import Cluster
from components.monitoring.alerting import NOBODY, Alerting, Channel, Email, PagerDuty, Route, SecretRef, Slack, Webhook
from components.monitoring.instances import ALERTMANAGER_ADDRESS, PROMETHEUS_ADDRESS, Store
from components.monitoring.service import Monitoring, MonitoringArgs
from components.quantities import parse_quantity
from components.training.engines import facts_of
from stacks.monitoring.alerting import (
    AlertingConfig,
    AlertingSecret,
    EmailReceiver,
    PagerDutyReceiver,
    Receiver,
    SlackReceiver,
    WebhookReceiver,
)
from stacks.monitoring.config import MonitoringConfig
from stacks.outputs import MonitoringOutput
from stacks.teams.config import TeamConfig


def build_monitoring(
    config: MonitoringConfig,
    teams: Sequence[TeamConfig],
    cluster: Cluster,
    *,
    install: Literal["chart", "operator"],
    protects_data: bool,
    verify_kubelets: bool,
    kueue_namespace: pulumi.Input[str] | None,
    gpu_namespace: pulumi.Input[str] | None,
    training_kinds: Iterable[str],
) -> Monitoring:
    """The monitoring of an environment. The namespaces are those of services that it reads."""
    return Monitoring(
        "monitoring",
        MonitoringArgs(
            sources=cluster.sources,
            connection=cluster.connection,
            install=install,
            store=store_of(config, cluster, keep=protects_data),
            alerting=alerting_of(config.alerting, teams),
            grafana=install == "chart" if config.grafana is None else config.grafana,
            runbooks=config.runbooks,
            verify_kubelets=verify_kubelets,
            kueue_namespace=kueue_namespace,
            gpu_namespace=gpu_namespace,
            engines=facts_of(training_kinds),
        ),
        pulumi.ResourceOptions(providers=[cluster.provider]),
    )


def store_of(config: MonitoringConfig, cluster: Cluster, *, keep: bool) -> Store:
    return Store(
        retention=config.retention,
        size=config.storage,
        size_bytes=int(parse_quantity(config.storage)),
        storage_class=config.storage_class or cluster.storage_class,
        scrape_interval=config.scrape_interval,
        keep=keep,
    )


def alerting_of(wanted: AlertingConfig | None, teams: Sequence[TeamConfig]) -> Alerting:
    """Who hears of alerts. A route of a team is one of its namespace, which all of its alerts name."""
    if wanted is None:
        return NOBODY
    namespaces = {team.name: team.namespace_name for team in teams}
    return Alerting(
        receivers={receiver.name: _channel(receiver) for receiver in wanted.receivers},
        default=wanted.default,
        routes=[
            Route(
                receiver=route.receiver,
                severity=route.severity,
                namespace=namespaces[route.team] if route.team else None,
            )
            for route in wanted.routes
        ],
    )


def _channel(receiver: Receiver) -> Channel:
    match receiver:
        case SlackReceiver():
            return Slack(url=_reference(receiver.url), channel=receiver.channel)
        case PagerDutyReceiver():
            return PagerDuty(routing_key=_reference(receiver.routing_key))
        case WebhookReceiver():
            return Webhook(url=_reference(receiver.url))
        case EmailReceiver():
            return Email(
                to=receiver.to,
                sender=receiver.sender,
                smarthost=receiver.smarthost,
                username=receiver.username,
                password=_reference(receiver.password),
            )


def _reference(source: AlertingSecret) -> SecretRef:
    return SecretRef(secret=source.secret, key=source.key)


def monitoring_output(monitoring: Monitoring | None) -> MonitoringOutput | None:
    if monitoring is None:
        return None
    return {
        "namespace": monitoring.namespace,
        "prometheus": PROMETHEUS_ADDRESS,
        "alertmanager": ALERTMANAGER_ADDRESS,
    }
