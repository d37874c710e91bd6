"""What a team's namespace says and allows so that a service mesh takes its pods in.

The mesh itself is installed by others. Pods of a team pass `restricted`, so a mesh with sidecars has to set up its
redirection with its CNI plugin: an init container with NET_ADMIN would be refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from components.labels import COMPONENT_LABEL

if TYPE_CHECKING:
    from pulumi_kubernetes.networking import v1 as networking

MeshKind = Literal["istio-ambient", "istio-sidecar", "linkerd"]


@dataclass(frozen=True, kw_only=True)
class Mesh:
    """A mesh: its kind, the namespace of its control plane, and of Istio the revision of it, if not the default."""

    kind: MeshKind
    control_plane: str
    revision: str | None = None


@dataclass(frozen=True, kw_only=True)
class NamespaceMesh:
    """What joins a namespace to a mesh: its labels and annotations, and NetworkPolicies by name."""

    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    policies: Mapping[str, networking.NetworkPolicySpecArgsDict] = field(
        default_factory=dict[str, "networking.NetworkPolicySpecArgsDict"]
    )


# Where traffic between members of the mesh comes in, instead of the server's own port: the tunnel of ztunnel (HBONE),
# and the inbound port of Linkerd's proxy. Istio's sidecar keeps the server's port.
_INBOUND = {"istio-ambient": 15008, "linkerd": 4143}
# What a sidecar asks of its control plane: configuration and certificates of Istio; identity, destinations and
# policies of Linkerd. ztunnel asks for all pods of its node, from its own namespace.
_CONTROL = {"istio-sidecar": (15012,), "linkerd": (8080, 8086, 8090)}
# The address from which the kubelet's probes come to a pod in ambient mode (Istio's documentation names it).
_AMBIENT_PROBES = "169.254.7.127/32"


def namespace_mesh(mesh: Mesh) -> NamespaceMesh:
    """What a team's namespace needs to be in the mesh."""
    annotations: dict[str, str] = {}
    labels: dict[str, str] = {}
    match mesh.kind:
        case "istio-ambient":
            labels["istio.io/dataplane-mode"] = "ambient"
        case "istio-sidecar":
            # Istio ignores the revision where injection is switched on by the older label.
            if mesh.revision is None:
                labels["istio-injection"] = "enabled"
        case "linkerd":
            annotations["linkerd.io/inject"] = "enabled"
    if mesh.revision is not None:
        labels["istio.io/rev"] = mesh.revision
    return NamespaceMesh(labels=labels, annotations=annotations, policies=_policies(mesh))


def _policies(mesh: Mesh) -> dict[str, networking.NetworkPolicySpecArgsDict]:
    policies: dict[str, networking.NetworkPolicySpecArgsDict] = {}
    if (inbound := _INBOUND.get(mesh.kind)) is not None:
        rules: list[networking.NetworkPolicyIngressRuleArgsDict] = [
            {"ports": [{"protocol": "TCP", "port": inbound}]},
        ]
        if mesh.kind == "istio-ambient":
            rules.append({"from_": [{"ip_block": {"cidr": _AMBIENT_PROBES}}]})
        # Servers only: nobody has to reach the pods of a training.
        policies["allow-mesh"] = {
            "pod_selector": {"match_labels": {COMPONENT_LABEL: "serving"}},
            "policy_types": ["Ingress"],
            "ingress": rules,
        }
    if control := _CONTROL.get(mesh.kind):
        policies["allow-mesh-control"] = {
            "pod_selector": {},
            "policy_types": ["Egress"],
            "egress": [
                {
                    "to": [
                        {
                            "namespace_selector": {
                                "match_labels": {"kubernetes.io/metadata.name": mesh.control_plane},
                            }
                        }
                    ],
                    "ports": [{"protocol": "TCP", "port": port} for port in control],
                }
            ],
        }
    return policies
