"""The `monitoring:` section of an environment, the `slo:` of a server, and the rules between them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from components.monitoring.rules.slo import LATENCY_BUCKETS
from components.quantities import parse_quantity
from stacks.clouds.aws.types import Email
from stacks.language.faults import Fault
from stacks.language.model import ConfigModel, Many, Rule, did_you_mean, shown
from stacks.language.types import Duration, Filled, Name, ObjectName, SecretKeyName, Size
from stacks.teams.checks import repeated_names

if TYPE_CHECKING:
    from stacks.environment.config import Environment

_TIME = re.compile(r"(\d+(?:\.\d+)?)(ms|s)")
# The longest window of the alerts on objectives, and the least samples that their shortest one needs (5 minutes).
_LEAST_RETENTION = 3 * 86400
_SCRAPE_INTERVALS = (5, 60)
_LEAST_STORAGE = "1Gi"
# The images of the programs that `install: operator` starts.
_PROGRAMS = (
    "prometheus-operator",
    "prometheus-config-reloader",
    "prometheus",
    "alertmanager",
    "kube-state-metrics",
    "node-exporter",
)


def _time_text(seconds: float) -> str:
    return f"{seconds:g}s" if seconds >= 1 else f"{seconds * 1000:g}ms"


_BOUNDS = ", ".join(map(_time_text, LATENCY_BUCKETS))


def check_latency(value: object) -> float:
    """Seconds of "250ms" or "2.5s": one of the bounds of a predictor's latency histogram."""
    remedy = f"write one of {_BOUNDS}"
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{shown(value)} is not a time; {remedy}")
    seconds = round(float(match[1]) / (1000 if match[2] == "ms" else 1), 9)
    if seconds not in LATENCY_BUCKETS:
        raise ValueError(f"{shown(value)} is no bound of the predictors' latency histogram; {remedy}")
    return seconds


def check_objective(value: object) -> float:
    """Percent of requests, from 50 to 99.99. A promise of 100 leaves no budget, and alerts on every single failure."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 50 <= value <= 99.99:
        raise ValueError(f"{shown(value)} is not a percentage from 50 to 99.99; write a number, such as 99.5")
    return float(value)


def check_channel(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[#@][^\s#@]{1,79}", value):
        raise ValueError(f'{shown(value)} is not a channel; write "#name" or "@name", in quotes')
    return value


def check_smarthost(value: object) -> str:
    match = re.fullmatch(r"[A-Za-z0-9.-]+:(\d{1,5})", value) if isinstance(value, str) else None
    if match is None or not 0 < int(match[1]) < 65536:
        raise ValueError(f'{shown(value)} is not a mail server; write host and port, such as "smtp.example.com:587"')
    return str(value)


def check_reference(value: object) -> Any:
    """A mapping, and no text: the address of a webhook lets everybody write there who knows it."""
    if isinstance(value, str):
        remedy = "put it into a Secret of the namespace monitoring, and write {secret: …, key: …}"
        raise ValueError(f"is a plain text where a secret belongs, and this file is not one; {remedy}")
    return value


LatencyBound = Annotated[
    float, Rule("latency bound", check_latency, f"a bound of the predictors' latency histogram: {_BOUNDS}")
]
Objective = Annotated[float, Rule("percentage", check_objective, "a number from 50 to 99.99: `99.5`")]
Channel = Annotated[str, Rule("channel", check_channel, '`"#name"` or `"@name"`')]
MailServer = Annotated[str, Rule("mail server", check_smarthost, "host and port: `smtp.example.com:587`")]


class AlertingSecret(ConfigModel):
    """One key of a Secret in the namespace `monitoring`."""

    secret: ObjectName = Field(description="Name of the Secret.")
    key: SecretKeyName = Field(description="Key in the Secret.")


SecretReference = Annotated[AlertingSecret, Rule("mapping", check_reference)]


class SlackReceiver(ConfigModel):
    """A channel of Slack."""

    name: Name = Field(description="Name that routes use.")
    kind: Literal["slack"] = Field(description="A channel of Slack.")
    url: SecretReference = Field(description="The incoming webhook's address.")
    channel: Channel = Field(description="Channel or person.")


class PagerDutyReceiver(ConfigModel):
    """A service of PagerDuty."""

    name: Name = Field(description="Name that routes use.")
    kind: Literal["pagerduty"] = Field(description="A service of PagerDuty.")
    routing_key: SecretReference = Field(description="The integration key (Events API version 2).")


class WebhookReceiver(ConfigModel):
    """Any HTTP server that takes Alertmanager's JSON."""

    name: Name = Field(description="Name that routes use.")
    kind: Literal["webhook"] = Field(description="A server of your own.")
    url: SecretReference = Field(description="The server's address.")


class EmailReceiver(ConfigModel):
    """E-mail."""

    name: Name = Field(description="Name that routes use.")
    kind: Literal["email"] = Field(description="E-mail, over TLS.")
    to: Many[Email] = Field(description="Who gets it.")
    sender: Email = Field(description="Whom it is from.")
    smarthost: MailServer = Field(description="The mail server.")
    username: Filled = Field(description="User at the mail server.")
    password: SecretReference = Field(description="The user's password.")

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        if not self.to:
            yield Fault(path=("to",), message="is empty; write at least one address")


Receiver = Annotated[SlackReceiver | PagerDutyReceiver | WebhookReceiver | EmailReceiver, Field(discriminator="kind")]


class AlertRoute(ConfigModel):
    """Alerts that go to a receiver other than the default one."""

    receiver: Name = Field(description="The receiver, by name.")
    severity: Literal["critical", "warning"] | None = Field(default=None, description="Only alerts of this severity.")
    team: Name | None = Field(default=None, description="Only alerts of this team's namespace.")

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        if self.severity is None and self.team is None:
            message = "takes every alert; add severity: or team:, or make its receiver the default"
            yield Fault(path=(), message=message, untouched=(("severity",), ("team",)))


class Alerting(ConfigModel):
    """Who hears of alerts."""

    receivers: Many[Receiver] = Field(description="Where alerts are sent.")
    default: Name = Field(description="Receiver of the alerts that no route takes.")
    routes: Many[AlertRoute] = Field(default=(), description="Exceptions; the first one that fits decides.")

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        yield from repeated_names("receivers", self.receivers)
        names = [receiver.name for receiver in self.receivers]
        known = f"the receivers are {', '.join(names)}" if names else "there are none"
        uses = [(("default",), self.default)]
        uses += [(("routes", index, "receiver"), route.receiver) for index, route in enumerate(self.routes)]
        for path, name in uses:
            if name not in names:
                message = f"there is no receiver {shown(name)}; {known}{did_you_mean(name, names)}"
                yield Fault(path=path, message=message, complete=(("receivers",),))


class Latency(ConfigModel):
    """A promise of quick answers."""

    threshold: LatencyBound = Field(default=0.25, description="Time within which a request is answered.")
    target: Objective = Field(default=99, description="Percent of requests that are answered within it.")


class Slo(ConfigModel):
    """What model servers promise, over 30 days. Alerts fire while the promise is being broken."""

    availability: Objective = Field(default=99.5, description="Percent of requests that do not fail (5xx).")
    latency: Latency = Field(default=Latency(), description="How quick answers are.")


class ServerLatency(ConfigModel):
    """A promise of quick answers, where it is not the environment's."""

    threshold: LatencyBound | None = Field(default=None, description="Time within which a request is answered.")
    target: Objective | None = Field(default=None, description="Percent of requests that are answered within it.")


class ServerSlo(ConfigModel):
    """What the server promises, where it is not what the environment's `monitoring.slo` says."""

    availability: Objective | None = Field(default=None, description="Percent of requests that do not fail (5xx).")
    latency: ServerLatency = Field(default=ServerLatency(), description="How quick answers are.")


class Monitoring(ConfigModel):
    """Prometheus, Alertmanager, exporters and the platform's alerts."""

    install: Literal["chart", "operator"] | None = Field(
        default=None,
        description="`chart`: kube-prometheus-stack. `operator`: the same programs, without Grafana. "
        "Else `operator` where `cluster.kind` is `local`, `chart` elsewhere.",
    )
    retention: Duration = Field(default=15 * 86400, description="How long metrics are kept; at least 3d.")
    storage: Size = Field(default="50Gi", description="Size of Prometheus' volume; at least 1Gi.")
    storage_class: ObjectName | None = Field(
        default=None, description="StorageClass of the volumes. Else that of the cluster section."
    )
    scrape_interval: Duration = Field(default=30, description="Time between two readings of a target; 5s to 1m.")
    slo: Slo = Field(default=Slo(), description="What every model server promises that says nothing else.")
    alerting: Alerting | None = Field(default=None, description="Who hears of alerts. Else nobody.")
    runbooks: Filled = Field(
        default="docs/runbooks.md", description="Address of the page with the runbooks, for the links in alerts."
    )
    grafana: bool | None = Field(default=None, description="Whether to install Grafana. Else with the chart.")

    def installs(self, cluster: str) -> Iterator[str]:
        yield from super().installs(cluster)
        yield "prometheus-operator-crds"
        yield from ("kube-prometheus-stack",) if self.install_on(cluster) == "chart" else _PROGRAMS

    def install_on(self, cluster: str) -> Literal["chart", "operator"]:
        """How it gets onto a cluster of that kind: the embedded one has the programs, and no chart."""
        return self.install or ("operator" if cluster == "local" else "chart")

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        if self.retention < _LEAST_RETENTION:
            message = "is too short for the alerts on objectives, which look back 3 days; write at least 3d"
            yield Fault(path=("retention",), message=message)
        least, most = _SCRAPE_INTERVALS
        if not least <= self.scrape_interval <= most:
            message = f"is {self.scrape_interval} s; write at least {least}s, and at most {most}s for the alerts' sake"
            yield Fault(path=("scrapeInterval",), message=message)
        if parse_quantity(self.storage) < parse_quantity(_LEAST_STORAGE):
            message = f"{shown(self.storage)} is too small for a Prometheus; write at least {_LEAST_STORAGE}"
            yield Fault(path=("storage",), message=message)


def monitoring_faults(environment: Environment) -> Iterator[Fault]:
    """Objectives without a monitoring that keeps an eye on them, routes of teams that are not there, Grafana alone."""
    monitoring = environment.monitoring
    teams = [team.name for team in environment.teams]
    if monitoring is None:
        for team_index, team in enumerate(environment.teams):
            for index, server in enumerate(team.serving):
                if server.slo is not None:
                    path = ("teams", team_index, "serving", index, "slo")
                    message = "needs the monitoring; add monitoring: {} to the environment, or remove it"
                    yield Fault(path=path, message=message, untouched=(("monitoring",),))
        return
    for index, route in enumerate(monitoring.alerting.routes if monitoring.alerting else ()):
        if route.team is not None and route.team not in teams:
            known = f"the environment's teams are {', '.join(teams)}" if teams else "the environment has none"
            message = f"there is no team {shown(route.team)}; {known}{did_you_mean(route.team, teams)}"
            path = ("monitoring", "alerting", "routes", index, "team")
            yield Fault(path=path, message=message, complete=(("teams",),))
    if monitoring.grafana and monitoring.install_on(environment.cluster.kind) == "operator":
        message = "comes with the chart only; write install: chart beside it, or remove it"
        yield Fault(
            path=("monitoring", "grafana"), message=message, untouched=(("monitoring", "install"), ("cluster",))
        )
