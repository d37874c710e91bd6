"""What the pods of the platform itself have in common: `restricted`, without a token unless they need one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.pods import TMP_VOLUME, Program, Resources, container, pod_security_context

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core


def platform_container(
    name: str, image: str, *arguments: str, cpu: str, memory: str, port: tuple[str, int]
) -> core.ContainerArgsDict:
    """One program with a port. It may use a core for a moment, and no more memory than it reserved."""
    resources = Resources(requests={"cpu": cpu, "memory": memory}, limits={"cpu": "1", "memory": memory})
    built = container(name, Program(image=image, resources=resources, args=arguments), variables={})
    # Said only where there is one: the API server drops an empty list.
    del built["env"]
    port_name, number = port
    built["ports"] = [{"name": port_name, "container_port": number, "protocol": "TCP"}]
    return built


def platform_pod(main: core.ContainerArgsDict, *, service_account: str, token: bool) -> core.PodSpecArgsDict:
    """A pod of one container. `token`: it asks the API server for something."""
    return {
        "service_account_name": service_account,
        "automount_service_account_token": token,
        "enable_service_links": False,
        "security_context": pod_security_context(),
        "containers": [main],
        "volumes": [{"name": TMP_VOLUME, "empty_dir": {}}],
    }
