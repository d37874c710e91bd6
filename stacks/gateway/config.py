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

    secret: ObjectName = Field(description="Secret of type `kubernetes.io/tls`, for all names below the domain.")
    namespace: ObjectName | None = Field(
        default=None, description="Namespace of the Secret. Else `gateway-system`, where the gateway is."
    )


class GatewayConfig(ConfigModel):
    """One entrance to all model servers, by host name and path (Gateway API)."""

    class_name: ObjectName = Field(description="GatewayClass, of the controller that runs on the cluster.")
    domain: HostName = Field(description="Domain of the model servers. Each team has `<team>.<domain>`.")
    tls: GatewayTls | None = Field(default=None, description="The certificate; required without `plainHttp`.")
    plain_http: bool = Field(
        default=False, description="Whether clients come without TLS, as where a load balancer before it ends TLS."
    )
    traffic_from: ObjectName | None = Field(
        default=None,
        description="Namespace of the proxies that the controller starts. Else `gateway-system`.",
    )
    install_crds: bool = Field(
        default=True, description="Whether to install the Gateway API. `false` where the cluster brings it."
    )

    def installs(self, cluster: str) -> Iterator[str]:
        yield from super().installs(cluster)
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
    """The service mesh that the teams' pods join. Its control plane is installed by others."""

    kind: Literal["istio-ambient", "istio-sidecar", "linkerd"] = Field(description="The mesh, and how pods join it.")
    revision: ObjectName | None = Field(
        default=None, description="Revision of an Istio control plane. Else the default one."
    )
    control_plane: ObjectName | None = Field(
        default=None, description="Namespace of the control plane. Else `istio-system` or `linkerd`."
    )

    @rule("kind")
    def _revision_of_istio(self) -> Iterator[Fault]:
        if self.kind == "linkerd" and self.revision is not None:
            message = "is a key of Istio, and Linkerd has no revisions; remove it"
            yield Fault(path=("revision",), message=message)
