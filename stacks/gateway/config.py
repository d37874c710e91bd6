"""The `gateway:` and `mesh:` sections of an environment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from stacks.language.faults import Fault
from stacks.language.model import ConfigModel, rule
from stacks.language.types import ObjectName
from stacks.serving.route import HostName


class GatewayTls(ConfigModel):
    """The certificate that clients see."""

    secret: ObjectName = Field(description="Secret of type `kubernetes.io/tls`, valid for all names below the domain.")
    namespace: ObjectName | None = Field(
        default=None, description="Namespace of the Secret. Default: `gateway-system`, the namespace of the gateway."
    )


class GatewayConfig(ConfigModel):
    """One gateway to all model servers, by host name and path (Gateway API)."""

    class_name: ObjectName = Field(description="GatewayClass of the controller that runs on the cluster.")
    domain: HostName = Field(description="Domain of the model servers. Each team gets `<team>.<domain>`.")
    tls: GatewayTls | None = Field(default=None, description="Certificate. Required unless `plainHttp` is set.")
    plain_http: bool = Field(
        default=False,
        description="Whether the gateway accepts plain HTTP, as behind a load balancer that terminates TLS.",
    )
    traffic_from: ObjectName | None = Field(
        default=None,
        description="Namespace of the proxies that the controller starts. Default: `gateway-system`.",
    )
    install_crds: bool = Field(
        default=True, description="Whether to install the Gateway API. Set `false` where the cluster includes it."
    )

    def installs(self, cluster: str) -> Iterator[str]:
        if self.install_crds:
            yield "gateway-api"

    @rule("tls", "plainHttp")
    def _certificate(self) -> Iterator[Fault]:
        if self.tls is None and not self.plain_http:
            message = "has no certificate; add tls: {secret: …}, or write plainHttp: true where TLS ends before it"
            yield Fault(path=(), message=message)
        if self.tls is not None and self.plain_http:
            yield Fault(path=("plainHttp",), message="does not go together with tls; remove one of the two")

    def host_of(self, team: str) -> str:
        """The host name that belongs to a team."""
        return f"{team}.{self.domain}"


class MeshConfig(ConfigModel):
    """The service mesh that the pods of teams join. The platform does not install its control plane."""

    kind: Literal["istio-ambient", "istio-sidecar", "linkerd"] = Field(description="Mesh, and how pods join it.")
    revision: ObjectName | None = Field(
        default=None, description="Revision of the Istio control plane. Default: the default revision."
    )
    control_plane: ObjectName | None = Field(
        default=None, description="Namespace of the control plane. Default: `istio-system` or `linkerd`."
    )

    @rule("kind")
    def _revision_of_istio(self) -> Iterator[Fault]:
        if self.kind == "linkerd" and self.revision is not None:
            message = "is a key of Istio, and Linkerd has no revisions; remove it"
            yield Fault(path=("revision",), message=message)
