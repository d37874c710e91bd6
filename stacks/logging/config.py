"""The `logging:` section of an environment: the logs of all containers, in Loki."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from stacks.language.faults import Fault
from stacks.language.model import ConfigModel, Rule, rule, shown
from stacks.language.types import Duration, ObjectName, SecretKeyName, Size

DAY_SECONDS = 86400


def check_otlp_url(value: object) -> str:
    """An address that takes OTLP over HTTP. It holds no credentials: those are in a Secret."""
    remedy = 'write an address such as "https://loki.example.org/otlp"'
    if not isinstance(value, str) or not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", value):
        raise ValueError(f"{shown(value)} is not the address of a log store; {remedy}")
    if "@" in value:
        raise ValueError("has credentials in it, which the file would show; put them into a Secret, see credentials")
    host = re.sub(r":\d+$", "", value.split("/")[2])
    if value.startswith("http://") and not host.endswith((".svc", ".svc.cluster.local")):
        raise ValueError(f"{shown(value)} sends logs in clear out of the cluster; {remedy}")
    return value.rstrip("/")


OtlpUrl = Annotated[
    str,
    Rule(
        "address of a log store",
        check_otlp_url,
        "`https://…`, or `http://` within the cluster, that takes OTLP: `https://loki.example.org/otlp`",
    ),
]


class InstalledLoki(ConfigModel):
    """A Loki of one replica with a volume, in the namespace `logging`."""

    kind: Literal["install"] = Field(description="The platform installs Loki.")
    retention: Duration = Field(default=14 * DAY_SECONDS, description="Retention of log lines, in whole days.")
    size: Size = Field(default="50Gi", description="Capacity of the volume.")
    storage_class: ObjectName | None = Field(
        default=None,
        description="StorageClass of the volume. Default: the class of the cluster section, or the "
        "cluster's default class.",
    )

    @rule()
    def _whole_days(self) -> Iterator[Fault]:
        if self.retention % DAY_SECONDS:
            yield Fault(path=("retention",), message='is not whole days, by which Loki deletes; write "14d"')


class LogCredentials(ConfigModel):
    """One key of a Secret in the namespace `logging-nodes`, which you create."""

    secret: ObjectName = Field(description="Name of the Secret.")
    key: SecretKeyName = Field(description="Key whose value is the whole `Authorization` header.")


class ExistingLoki(ConfigModel):
    """An existing Loki, or any other log store that accepts OTLP."""

    kind: Literal["existing"] = Field(description="A log store of your own.")
    url: OtlpUrl = Field(description="OTLP endpoint that receives the logs, without `/v1/logs`.")
    credentials: LogCredentials | None = Field(default=None, description="Credentials for the endpoint. Default: none.")


class Logging(ConfigModel):
    """The logs of all containers: a collector on each node sends them to Loki."""

    loki: Annotated[InstalledLoki | ExistingLoki, Field(discriminator="kind")] = Field(
        default=InstalledLoki(kind="install"), description="Where logs are stored."
    )

    def installs(self, cluster: str) -> Iterator[str]:
        yield "opentelemetry-collector"
        if isinstance(self.loki, InstalledLoki):
            yield "loki"
