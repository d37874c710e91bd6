"""An operator of the catalog on a cluster: its namespace and its Helm release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pulumi
import pulumi_kubernetes as k8s

from components.labels import PART_OF
from components.platform.connection import Connection
from components.platform.sources import Sources
from components.platform.upkeep import Upkeep, UpkeepArgs

PodSecurity = Literal["restricted", "baseline", "privileged"]
# An operator's images may have to be pulled first, and its webhooks need certificates.
TIMEOUT_SECONDS = 600


@dataclass(frozen=True, kw_only=True)
class OperatorArgs:
    """A chart of the catalog and what differs from its defaults.

    `pod_security` is what the namespace enforces; anything below `restricted` needs an entry in
    `components.platform.exceptions`. `labels` are more labels of the namespace. `after` is what the release needs,
    such as CRDs: `depends_on` a component does not reach its children. `skip_definitions` leaves out those in the
    chart's folder `crds`, which Helm installs once and never upgrades.
    """

    chart: str
    namespace: str
    sources: Sources
    connection: Connection
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    pod_security: PodSecurity = "restricted"
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    timeout_seconds: int = TIMEOUT_SECONDS
    skip_definitions: bool = False
    after: Sequence[pulumi.Resource] = ()


def namespace_labels(name: str, pod_security: PodSecurity) -> dict[str, str]:
    """Labels of a platform namespace. What is enforced is also what the API server warns of."""
    return {
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/part-of": PART_OF,
        "app.kubernetes.io/managed-by": "pulumi",
        "pod-security.kubernetes.io/enforce": pod_security,
        "pod-security.kubernetes.io/warn": pod_security,
    }


class Operator(pulumi.ComponentResource):
    """A controller that is ready, with its definitions and webhooks, when this component is there.

    Custom resources depend on it: they are then deleted while their controller still runs.
    """

    namespace: pulumi.Output[str]
    release: k8s.helm.v3.Release

    def __init__(self, name: str, args: OperatorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:platform:Operator", name, None, opts)
        namespace = k8s.core.v1.Namespace(
            f"{name}-namespace",
            metadata={
                "name": args.namespace,
                "labels": {**args.labels, **namespace_labels(args.chart, args.pod_security)},
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.namespace = namespace.metadata.name
        source = args.sources.release(args.chart)
        self.release = k8s.helm.v3.Release(
            f"{name}-release",
            name=args.chart,
            namespace=self.namespace,
            chart=source.chart,
            version=source.version,
            repository_opts=source.repository_opts,
            values=dict(args.values),
            # Said only where it is so: the default is no change for the releases that are there.
            skip_crds=args.skip_definitions or None,
            # A failed first installation would otherwise stay, half there, and be in the way of the next one.
            atomic=True,
            timeout=args.timeout_seconds,
            opts=pulumi.ResourceOptions(parent=self, depends_on=args.after),
        )
        Upkeep(
            f"{name}-upkeep",
            UpkeepArgs(release=args.chart, namespace=self.namespace, connection=args.connection),
            pulumi.ResourceOptions(parent=self, depends_on=[self.release]),
        )
        self.register_outputs({"namespace": self.namespace})
