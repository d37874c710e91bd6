"""The program that rolls servers, in a namespace of its own, with no right to anything until a team gives it one.

Why not one of those that there are: they read all Secrets where they work, and leave a hash of the value on the pods,
by which everybody who may read a pod can try short passwords.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

from components import namespaces
from components.labels import selector_labels, service_labels
from components.platform.operator import namespace_labels
from components.platform.settings import settings_file
from components.pods import TMP_VOLUME, Placement, Program, Resources, container, pod_spec

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core
    from pulumi_kubernetes.meta import v1 as meta

NAMESPACE = namespaces.ROTATION
NAME = "secret-rotation"
FILE = "program.py"
FOLDER = "/program"
PORT = 8080
SECONDS_BETWEEN = 10


@dataclass(frozen=True, kw_only=True)
class SecretRotationArgs:
    """`namespaces`: where there are Secrets that change outside of the stack. `image`: one with `python3`."""

    namespaces: Sequence[str]
    image: str


def program_text() -> str:
    return Path(__file__).with_name(FILE).read_text(encoding="utf-8")


def rotation_pod(args: SecretRotationArgs, program: pulumi.Input[str]) -> core.PodSpecArgsDict:
    """The pod. `program`: the name of the ConfigMap with its text."""
    resources = Resources(requests={"cpu": "10m", "memory": "48Mi"}, limits={"cpu": "500m", "memory": "96Mi"})
    variables = {
        "NAMESPACES": ",".join(args.namespaces),
        "PORT": str(PORT),
        "SECONDS_BETWEEN": str(SECONDS_BETWEEN),
    }
    main = container(
        NAME,
        Program(image=args.image, resources=resources, command=["python3", "-u", f"{FOLDER}/{FILE}"]),
        variables=variables,
    )
    probe: core.ProbeArgsDict = {"http_get": {"path": "/", "port": "http"}, "timeout_seconds": 5}
    main["ports"] = [{"name": "http", "container_port": PORT, "protocol": "TCP"}]
    main["readiness_probe"] = {**probe, "period_seconds": 5}
    main["liveness_probe"] = {**probe, "period_seconds": 30, "initial_delay_seconds": 60}
    main["volume_mounts"] = [
        {"name": TMP_VOLUME, "mount_path": "/tmp"},  # noqa: S108
        {"name": "program", "mount_path": FOLDER, "read_only": True},
    ]
    pod = pod_spec(main, service_account=NAME, placement=Placement(), resources=resources)
    pod["automount_service_account_token"] = True
    pod["volumes"] = [{"name": TMP_VOLUME, "empty_dir": {}}, {"name": "program", "config_map": {"name": program}}]
    return pod


class SecretRotation(pulumi.ComponentResource):
    """Servers get new pods soon after a Secret that they read was changed by somebody else than the stack."""

    def __init__(self, name: str, args: SecretRotationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:platform:SecretRotation", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        marks = service_labels(NAME, "secrets")
        namespace = k8s.core.v1.Namespace(
            f"{name}-namespace",
            metadata={"name": NAMESPACE, "labels": namespace_labels(NAME, "restricted")},
            opts=child,
        )

        def metadata(object_name: str) -> meta.ObjectMetaArgsDict:
            return {"name": object_name, "namespace": namespace.metadata.name, "labels": marks}

        account = k8s.core.v1.ServiceAccount(
            f"{name}-account", metadata=metadata(NAME), automount_service_account_token=False, opts=child
        )
        program = settings_file(
            f"{name}-program",
            NAME,
            file=FILE,
            text=program_text(),
            namespace=namespace.metadata.name,
            labels=marks,
            opts=child,
        )
        k8s.apps.v1.Deployment(
            f"{name}-deployment",
            metadata=metadata(NAME),
            spec={
                "replicas": 1,
                # Two would only do the same twice.
                "strategy": {"type": "Recreate"},
                "selector": {"match_labels": selector_labels(name=NAME, component="secrets")},
                "template": {"metadata": {"labels": marks}, "spec": rotation_pod(args, program)},
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[account]),
        )
        self.register_outputs({})
