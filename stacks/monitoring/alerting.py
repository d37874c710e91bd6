"""The `monitoring.alerting:` section: who hears of alerts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field

from stacks.language.faults import Fault
from stacks.language.model import ConfigModel, Many, Rule, did_you_mean, rule, shown, unique_names
from stacks.language.types import Email, Filled, Name, ObjectName, SecretKeyName


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


Channel = Annotated[str, Rule("channel", check_channel, '`"#name"` or `"@name"`')]
MailServer = Annotated[str, Rule("mail server", check_smarthost, "host and port: `smtp.example.com:587`")]


class AlertingSecret(ConfigModel):
    """One key of a Secret in the namespace `monitoring`."""

    secret: ObjectName = Field(description="Name of the Secret.")
    key: SecretKeyName = Field(description="Key in the Secret.")


SecretReference = Annotated[AlertingSecret, Rule("mapping", check_reference)]


class SlackReceiver(ConfigModel):
    """A Slack channel."""

    name: Name = Field(description="Name that routes use.")
    kind: Literal["slack"] = Field(description="A Slack channel.")
    url: SecretReference = Field(description="URL of the incoming webhook.")
    channel: Channel = Field(description="Channel or person.")


class PagerDutyReceiver(ConfigModel):
    """A PagerDuty service."""

    name: Name = Field(description="Name that routes use.")
    kind: Literal["pagerduty"] = Field(description="A PagerDuty service.")
    routing_key: SecretReference = Field(description="The integration key (Events API version 2).")


class WebhookReceiver(ConfigModel):
    """Any HTTP server that accepts Alertmanager's JSON."""

    name: Name = Field(description="Name that routes use.")
    kind: Literal["webhook"] = Field(description="A server of your own.")
    url: SecretReference = Field(description="URL of the server.")


class EmailReceiver(ConfigModel):
    """Email."""

    name: Name = Field(description="Name that routes use.")
    kind: Literal["email"] = Field(description="Email over TLS.")
    to: Many[Email] = Field(description="Recipients.")
    sender: Email = Field(description="Sender.")
    smarthost: MailServer = Field(description="Mail server.")
    username: Filled = Field(description="User at the mail server.")
    password: SecretReference = Field(description="The user's password.")

    @rule("to")
    def _somebody(self) -> Iterator[Fault]:
        if not self.to:
            yield Fault(path=("to",), message="is empty; write at least one address")


Receiver = Annotated[SlackReceiver | PagerDutyReceiver | WebhookReceiver | EmailReceiver, Field(discriminator="kind")]


class AlertRoute(ConfigModel):
    """Alerts that go to a receiver other than the default one."""

    receiver: Name = Field(description="Name of the receiver.")
    severity: Literal["critical", "warning"] | None = Field(default=None, description="Only alerts of this severity.")
    team: Name | None = Field(default=None, description="Only alerts of this team's namespace.")

    @rule("severity", "team")
    def _not_every_alert(self) -> Iterator[Fault]:
        if self.severity is None and self.team is None:
            message = "takes every alert; add severity: or team:, or make its receiver the default"
            yield Fault(path=(), message=message)


class AlertingConfig(ConfigModel):
    """Receivers and routes of alerts."""

    receivers: Many[Receiver] = Field(description="Where alerts are sent.")
    default: Name = Field(description="Receiver of alerts that match no route.")
    routes: Many[AlertRoute] = Field(default=(), description="Exceptions. The first match applies.")

    _names = unique_names("receivers")

    @rule("receivers[*].name")
    def _known_receivers(self) -> Iterator[Fault]:
        names = [receiver.name for receiver in self.receivers]
        known = f"the receivers are {', '.join(names)}" if names else "there are none"
        uses = [(("default",), self.default)]
        uses += [(("routes", index, "receiver"), route.receiver) for index, route in enumerate(self.routes)]
        for path, name in uses:
            if name not in names:
                message = f"there is no receiver {shown(name)}; {known}{did_you_mean(name, names)}"
                yield Fault(path=path, message=message)
