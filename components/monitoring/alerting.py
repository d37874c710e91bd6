"""Who hears of an alert, as an AlertmanagerConfig: secrets by reference only, read by the operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.monitoring.rules.model import Severity

SILENT = "nobody"


@dataclass(frozen=True, kw_only=True)
class SecretRef:
    """One key of a Secret in the namespace of the monitoring."""

    secret: str
    key: str

    def selector(self) -> dict[str, str]:
        return {"name": self.secret, "key": self.key}


@dataclass(frozen=True, kw_only=True)
class Slack:
    """An incoming webhook of Slack, or of what speaks its language."""

    url: SecretRef
    channel: str


@dataclass(frozen=True, kw_only=True)
class PagerDuty:
    """A service of PagerDuty, by its integration key for the Events API version 2."""

    routing_key: SecretRef


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """Any HTTP server that accepts Alertmanager's JSON."""

    url: SecretRef


@dataclass(frozen=True, kw_only=True)
class Email:
    """Mail through a server `host:port`, always with TLS."""

    to: Sequence[str]
    sender: str
    smarthost: str
    username: str
    password: SecretRef


Channel = Slack | PagerDuty | Webhook | Email


@dataclass(frozen=True, kw_only=True)
class Route:
    """Alerts that go to a receiver: those of a severity, of a namespace, or of both."""

    receiver: str
    severity: Severity | None = None
    namespace: str | None = None


@dataclass(frozen=True, kw_only=True)
class Alerting:
    """Receivers by name, and who gets what. The first route that fits decides; `default` gets the rest."""

    receivers: Mapping[str, Channel]
    default: str
    routes: Sequence[Route] = ()


NOBODY = Alerting(receivers={}, default=SILENT)


def alertmanager_spec(alerting: Alerting) -> dict[str, Any]:
    """Spec of the AlertmanagerConfig that is Alertmanager's whole configuration."""
    route: dict[str, Any] = {
        "receiver": alerting.default,
        "groupBy": ["alertname", "namespace"],
        "groupWait": "30s",
        "groupInterval": "5m",
        "repeatInterval": "12h",
    }
    if alerting.routes:
        route["routes"] = [_route(one) for one in alerting.routes]
    receivers = [{"name": name, **_configs(channel)} for name, channel in alerting.receivers.items()]
    return {
        "route": route,
        "receivers": receivers or [{"name": SILENT}],
        "inhibitRules": [
            # Who is woken by the fast burn need not read of the slow one.
            _inhibition("ModelServerErrorsBurnFast", "ModelServerErrorsBurnSlowly"),
            _inhibition("ModelServerSlownessBurnsFast", "ModelServerSlownessBurnsSlowly"),
        ],
    }


def _inhibition(source: str, target: str) -> dict[str, Any]:
    def named(alert: str) -> list[dict[str, str]]:
        return [{"name": "alertname", "matchType": "=", "value": alert}]

    return {"sourceMatch": named(source), "targetMatch": named(target), "equal": ["namespace", "service"]}


def _route(route: Route) -> dict[str, Any]:
    wanted = {"severity": route.severity, "namespace": route.namespace}
    matchers = [{"name": name, "matchType": "=", "value": value} for name, value in wanted.items() if value]
    return {"receiver": route.receiver, "matchers": matchers}


def _configs(channel: Channel) -> dict[str, Any]:
    match channel:
        case Slack():
            slack = {"apiURL": channel.url.selector(), "channel": channel.channel, "sendResolved": True}
            return {"slackConfigs": [{**slack, "title": TITLE, "text": TEXT}]}
        case PagerDuty():
            return {"pagerdutyConfigs": [{"routingKey": channel.routing_key.selector(), "sendResolved": True}]}
        case Webhook():
            return {"webhookConfigs": [{"urlSecret": channel.url.selector(), "sendResolved": True}]}
        case Email():
            return {
                "emailConfigs": [
                    {
                        "to": ", ".join(channel.to),
                        "from": channel.sender,
                        "smarthost": channel.smarthost,
                        "authUsername": channel.username,
                        "authPassword": channel.password.selector(),
                        "requireTLS": True,
                        "sendResolved": True,
                    }
                ]
            }


TITLE = "{{ .Status }}: {{ .CommonLabels.alertname }} ({{ .CommonLabels.severity }})"
TEXT = "{{ range .Alerts }}{{ .Annotations.summary }} {{ .Annotations.runbook_url }}\n{{ end }}"
