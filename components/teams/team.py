"""A team on a cluster: its namespace, and what holds for everything in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

from components.gateway.mesh import NamespaceMesh
from components.labels import Owner, object_labels
from components.quantities import canonical_quantities
from components.teams.access import ROLES, Role, role_rules
from components.teams.network import network_policies
from components.traffic import Traffic

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core
    from pulumi_kubernetes.meta import v1 as meta

# What a container gets that says nothing itself. Containers of the platform always say it; these are for pods
# that a member starts by hand, so that none of them takes a node for itself or is refused by a quota.
CONTAINER_DEFAULTS: core.LimitRangeItemArgsDict = {
    "type": "Container",
    "default_request": {"cpu": "100m", "memory": "128Mi"},
    "default": {"cpu": "1", "memory": "1Gi"},
}


def pod_security_labels() -> dict[str, str]:
    """The namespace refuses pods below the `restricted` standard, and warns of their Deployments and Jobs."""
    levels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
    versions = {f"{label}-version": "latest" for label in levels}
    return {**levels, **versions}


@dataclass(frozen=True, kw_only=True)
class TeamArgs:
    """A team, the groups of people in each of its roles, and its quota.

    `quota` is the `hard` of a ResourceQuota, such as `{"requests.cpu": "8", "limits.memory": "32Gi"}`; an
    empty one means none. `groups` are the names that the cluster's authentication gives its users. A
    namespace that goes takes all data in it along: `protect` lets Pulumi refuse to delete it, `retain` leave
    it on the cluster. `mesh` is what joins it to a service mesh. `after` is what must be there before the
    namespace, and while it is deleted, such as the controllers of what people put into it. `traffic` is what its
    pods may do beside DNS and answering requests to servers.
    """

    owner: Owner
    namespace: str
    quota: Mapping[str, str] = field(default_factory=dict[str, str])
    groups: Mapping[Role, Sequence[str]] = field(default_factory=dict[Role, Sequence[str]])
    protect: bool = False
    retain: bool = False
    mesh: NamespaceMesh = field(default_factory=NamespaceMesh)
    after: Sequence[pulumi.Resource] = ()
    traffic: Sequence[Traffic] = ()


class Team(pulumi.ComponentResource):
    """A namespace of one team: restricted pods, no traffic but the declared, limits, roles for members."""

    # Known when workloads can be put into it.
    namespace: pulumi.Output[str]

    def __init__(self, name: str, args: TeamArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:tenancy:Team", name, None, opts)
        team = args.owner.team
        child = pulumi.ResourceOptions(parent=self)

        namespace_metadata: meta.ObjectMetaArgsDict = {
            "name": args.namespace,
            "labels": {
                **object_labels(args.owner, name=team, component="tenancy"),
                **pod_security_labels(),
                **args.mesh.labels,
            },
        }
        if args.mesh.annotations:
            namespace_metadata["annotations"] = dict(args.mesh.annotations)
        namespace = k8s.core.v1.Namespace(
            f"{name}-namespace",
            metadata=namespace_metadata,
            opts=pulumi.ResourceOptions(
                parent=self, protect=args.protect, retain_on_delete=args.retain, depends_on=list(args.after)
            ),
        )
        # Taken from the object and not from the arguments: all that is put into it then waits for it.
        name_in_cluster = namespace.metadata.name

        def metadata(object_name: str) -> meta.ObjectMetaArgsDict:
            labels = object_labels(args.owner, name=team, component="tenancy")
            return {"name": object_name, "namespace": name_in_cluster, "labels": labels}

        k8s.core.v1.LimitRange(
            f"{name}-limits", metadata=metadata("defaults"), spec={"limits": [CONTAINER_DEFAULTS]}, opts=child
        )
        self.namespace = name_in_cluster
        if args.quota:
            quota = k8s.core.v1.ResourceQuota(
                f"{name}-quota",
                metadata=metadata("quota"),
                spec={"hard": canonical_quantities(args.quota)},
                opts=child,
            )
            # A quota that has not counted yet forbids every claim and pod ("status unknown for quota"), so whoever
            # puts something into the namespace waits for the quota too.
            self.namespace = pulumi.Output.all(name_in_cluster, quota.metadata.name).apply(lambda names: names[0])
        for policy, spec in {**network_policies(args.traffic), **args.mesh.policies}.items():
            k8s.networking.v1.NetworkPolicy(f"{name}-{policy}", metadata=metadata(policy), spec=spec, opts=child)
        for role in ROLES:
            k8s.rbac.v1.Role(f"{name}-{role}", metadata=metadata(role), rules=role_rules(role), opts=child)
            if groups := args.groups.get(role):
                k8s.rbac.v1.RoleBinding(
                    f"{name}-{role}-binding",
                    metadata=metadata(role),
                    role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "Role", "name": role},
                    subjects=[
                        {"api_group": "rbac.authorization.k8s.io", "kind": "Group", "name": group} for group in groups
                    ],
                    opts=child,
                )
        self.register_outputs({"namespace": self.namespace})
