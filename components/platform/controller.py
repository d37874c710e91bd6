"""A controller whose makers publish no chart: one program that watches objects of the cluster, and its rights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

from components.labels import selector_labels, service_labels
from components.platform.pods import platform_pod
from components.pods import TMP_VOLUME, Program, Resources, container

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core
    from pulumi_kubernetes.meta import v1 as meta
    from pulumi_kubernetes.rbac import v1 as rbac

GROUP = "rbac.authorization.k8s.io"


@dataclass(frozen=True, kw_only=True)
class Probe:
    """Where the program says that it is ready, and where that it lives: paths on one port."""

    port: int
    ready: str
    live: str


@dataclass(frozen=True, kw_only=True)
class ControllerProgram:
    """The program. `title` is the name of all its objects, `component` the part that it plays (`training`).

    `rules` are its rights everywhere, `own_rules` those in its own namespace besides. `fields` are variables with a
    field of the pod, such as `metadata.namespace`. `files` are volumes that it reads, by the folders in which it finds
    them.
    """

    title: str
    component: str
    probe: Probe
    metrics_port: int
    rules: Sequence[rbac.PolicyRuleArgsDict]
    own_rules: Sequence[rbac.PolicyRuleArgsDict] = ()
    arguments: Sequence[str] = ()
    fields: Mapping[str, str] = field(default_factory=dict[str, str])
    files: Mapping[str, core.VolumeArgsDict] = field(default_factory=dict[str, "core.VolumeArgsDict"])
    cpu: str = "50m"
    memory: str = "256Mi"


@dataclass(frozen=True, kw_only=True)
class ControllerArgs:
    """A program in a namespace. It starts after `after`, such as its definitions."""

    program: ControllerProgram
    namespace: pulumi.Input[str]
    image: str
    after: Sequence[pulumi.Resource] = ()


def controller_pod(program: ControllerProgram, image: str) -> core.PodSpecArgsDict:
    """The pod of the program, which passes the `restricted` Pod Security Standard."""
    resources = Resources(
        requests={"cpu": program.cpu, "memory": program.memory}, limits={"cpu": "1", "memory": program.memory}
    )
    main = container(
        program.title, Program(image=image, resources=resources, args=tuple(program.arguments)), variables={}
    )
    # Said only where there is one: the API server drops an empty list.
    del main["env"]
    if program.fields:
        main["env"] = [
            {"name": name, "value_from": {"field_ref": {"field_path": path}}}
            for name, path in sorted(program.fields.items())
        ]
    main["ports"] = [{"name": "metrics", "container_port": program.metrics_port, "protocol": "TCP"}]
    main["readiness_probe"] = {
        "http_get": {"path": program.probe.ready, "port": program.probe.port},
        "period_seconds": 2,
    }
    main["liveness_probe"] = {
        "http_get": {"path": program.probe.live, "port": program.probe.port},
        "initial_delay_seconds": 15,
        "period_seconds": 20,
        "timeout_seconds": 5,
    }
    main["volume_mounts"] = [
        {"name": TMP_VOLUME, "mount_path": "/tmp"},  # noqa: S108
        *({"name": volume["name"], "mount_path": path, "read_only": True} for path, volume in program.files.items()),
    ]
    pod = platform_pod(main, service_account=program.title, token=True)
    pod["volumes"] = [{"name": TMP_VOLUME, "empty_dir": {}}, *program.files.values()]
    return pod


class Controller(pulumi.ComponentResource):
    """A controller that is ready when this component is there, with no right that it does not need."""

    deployment: k8s.apps.v1.Deployment

    def __init__(self, name: str, args: ControllerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:platform:Controller", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        program = args.program
        labels = service_labels(program.title, program.component)
        metadata: meta.ObjectMetaArgsDict = {"name": program.title, "namespace": args.namespace, "labels": labels}
        cluster_role = f"ml-platform:{program.title}"
        cluster_metadata: meta.ObjectMetaArgsDict = {"name": cluster_role, "labels": labels}
        subjects: list[rbac.SubjectArgsDict] = [
            {"kind": "ServiceAccount", "name": program.title, "namespace": args.namespace}
        ]
        needed: list[pulumi.Resource] = [
            k8s.core.v1.ServiceAccount(
                f"{name}-account", metadata=metadata, automount_service_account_token=False, opts=child
            ),
            k8s.rbac.v1.ClusterRole(
                f"{name}-cluster-role", metadata=cluster_metadata, rules=list(program.rules), opts=child
            ),
            k8s.rbac.v1.ClusterRoleBinding(
                f"{name}-cluster-role-binding",
                metadata=cluster_metadata,
                role_ref={"api_group": GROUP, "kind": "ClusterRole", "name": cluster_role},
                subjects=subjects,
                opts=child,
            ),
        ]
        if program.own_rules:
            needed += [
                k8s.rbac.v1.Role(f"{name}-role", metadata=metadata, rules=list(program.own_rules), opts=child),
                k8s.rbac.v1.RoleBinding(
                    f"{name}-role-binding",
                    metadata=metadata,
                    role_ref={"api_group": GROUP, "kind": "Role", "name": program.title},
                    subjects=subjects,
                    opts=child,
                ),
            ]
        self.deployment = k8s.apps.v1.Deployment(
            f"{name}-deployment",
            metadata=metadata,
            spec={
                "replicas": 1,
                # Two at a time would both act on the same objects where a controller elects no leader.
                "strategy": {"type": "Recreate"},
                "selector": {"match_labels": selector_labels(name=program.title, component=program.component)},
                "template": {"metadata": {"labels": labels}, "spec": controller_pod(program, args.image)},
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*needed, *args.after]),
        )
        self.register_outputs({})
