"""The entrance of an environment, from its config."""

from __future__ import annotations

import pulumi

from components.cluster import Cluster
from components.gateway.gateway import NAMESPACE, Certificate, Gateway, GatewayArgs
from components.gateway.mesh import Mesh, NamespaceMesh, namespace_mesh
from stacks.gateway.config import GatewayConfig, MeshConfig


def build_gateway(config: GatewayConfig, cluster: Cluster) -> Gateway:
    """Makes the gateway that the config describes."""
    tls = config.tls
    return Gateway(
        "gateway",
        GatewayArgs(
            class_name=config.class_name,
            domain=config.domain,
            sources=cluster.sources,
            connection=cluster.connection,
            certificate=Certificate(secret=tls.secret, namespace=tls.namespace or NAMESPACE) if tls else None,
            traffic_from=config.traffic_from or NAMESPACE,
            install_crds=config.install_crds,
        ),
        pulumi.ResourceOptions(providers=[cluster.provider]),
    )


def mesh_of(mesh: MeshConfig | None, *, joins: bool | None) -> NamespaceMesh:
    """What joins a namespace to the environment's mesh: nothing without one, or where its team stays out."""
    if mesh is None or joins is False:
        return NamespaceMesh()
    plane = mesh.control_plane or ("linkerd" if mesh.kind == "linkerd" else "istio-system")
    return namespace_mesh(Mesh(kind=mesh.kind, control_plane=plane, revision=mesh.revision))
