"""NVIDIA's device plugin as DaemonSets of our own: what offers a node's GPUs to the scheduler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as k8s
import yaml

from components.gpu.daemons import daemon_metadata, daemon_pod, gpu_nodes
from components.gpu_resources import GPU, Exclusive, Mig, Sharing, TimeSlicing
from components.labels import INSTANCE_LABEL, service_labels
from components.placement import POOL_LABEL
from components.platform.settings import settings_file

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core

NAME = "nvidia-device-plugin"
CONFIG_FILE = "config.yaml"


@dataclass(frozen=True, kw_only=True)
class DevicePluginArgs:
    """`namespace`: the name of a namespace that is there. `sharing`: how GPUs are shared; `pools`: where otherwise."""

    namespace: pulumi.Input[str]
    image: str
    sharing: Sharing = field(default_factory=Exclusive)
    pools: Mapping[str, Sharing] = field(default_factory=dict[str, Sharing])


@dataclass(frozen=True, kw_only=True)
class PluginGroup:
    """Nodes with one setting: those of the pools `pools`, or all but those of `other_pools`."""

    name: str
    sharing: Sharing
    pools: Sequence[str] = ()
    other_pools: Sequence[str] = ()

    @property
    def requirements(self) -> list[core.NodeSelectorRequirementArgsDict]:
        if self.pools:
            return [{"key": POOL_LABEL, "operator": "In", "values": list(self.pools)}]
        if self.other_pools:
            return [{"key": POOL_LABEL, "operator": "NotIn", "values": list(self.other_pools)}]
        return []


def plugin_groups(sharing: Sharing, pools: Mapping[str, Sharing]) -> list[PluginGroup]:
    """A group for each pool that has a setting of its own, and one for all other nodes."""
    return [
        PluginGroup(name=NAME, sharing=sharing, other_pools=sorted(pools)),
        *(PluginGroup(name=f"{NAME}-{pool}", sharing=pools[pool], pools=[pool]) for pool in sorted(pools)),
    ]


def plugin_config(sharing: Sharing) -> dict[str, Any]:
    """The plugin's config file. https://github.com/NVIDIA/k8s-device-plugin#configuring-the-nvidia-device-plugin-binary"""
    config: dict[str, Any] = {"version": "v1", "flags": {"migStrategy": "none"}}
    match sharing:
        case Mig(strategy=strategy):
            config["flags"] = {"migStrategy": strategy}
        case TimeSlicing(replicas=replicas, rename=rename):
            config["sharing"] = {
                "timeSlicing": {
                    "renameByDefault": rename,
                    # Two slices may be of one GPU: who asks for two would not get twice the power.
                    "failRequestsGreaterThanOne": True,
                    "resources": [{"name": GPU, "replicas": replicas}],
                }
            }
        case Exclusive():
            pass
    return config


def plugin_container(image: str, sharing: Sharing) -> core.ContainerArgsDict:
    # The kubelet's folder is root's; it is all of the node that the pod can write to.
    security: core.SecurityContextArgsDict = {"run_as_user": 0, "read_only_root_filesystem": True}
    if isinstance(sharing, Mig):
        # Only SYS_ADMIN may see and watch the devices of partitions. It is an escalation by itself.
        security["capabilities"] = {"drop": ["ALL"], "add": ["SYS_ADMIN"]}
    else:
        security["capabilities"] = {"drop": ["ALL"]}
        security["allow_privilege_escalation"] = False
    variables = {
        "CONFIG_FILE": f"/config/{CONFIG_FILE}",
        # The container runtime then puts driver and devices into the container, without `privileged`.
        "NVIDIA_DRIVER_CAPABILITIES": "compute,utility",
        "NVIDIA_VISIBLE_DEVICES": "all",
        **({"NVIDIA_MIG_MONITOR_DEVICES": "all"} if isinstance(sharing, Mig) else {}),
    }
    return {
        "name": NAME,
        "image": image,
        "image_pull_policy": "IfNotPresent",
        "command": [NAME],
        "env": [{"name": name, "value": variables[name]} for name in sorted(variables)],
        "resources": {
            "requests": {"cpu": "50m", "memory": "64Mi"},
            "limits": {"cpu": "500m", "memory": "256Mi"},
        },
        "security_context": security,
        "volume_mounts": [
            {"name": "device-plugins", "mount_path": "/var/lib/kubelet/device-plugins"},
            {"name": "config", "mount_path": "/config", "read_only": True},
        ],
    }


class DevicePlugin(pulumi.ComponentResource):
    """GPUs of every GPU node, whole or shared, as resources that pods can ask for."""

    def __init__(self, name: str, args: DevicePluginArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:gpu:DevicePlugin", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        for group in plugin_groups(args.sharing, args.pools):
            config = yaml.safe_dump(plugin_config(group.sharing))
            marks = service_labels(NAME, "gpu", instance=group.name)
            settings = settings_file(
                f"{name}-{group.name}-config",
                group.name,
                file=CONFIG_FILE,
                text=config,
                namespace=args.namespace,
                labels=marks,
                opts=child,
            )
            pod = daemon_pod(plugin_container(args.image, group.sharing), gpu_nodes(*group.requirements))
            pod["volumes"] = [
                {
                    "name": "device-plugins",
                    "host_path": {"path": "/var/lib/kubelet/device-plugins", "type": "Directory"},
                },
                {"name": "config", "config_map": {"name": settings}},
            ]
            k8s.apps.v1.DaemonSet(
                f"{name}-{group.name}",
                metadata={**daemon_metadata(group.name, marks), "namespace": args.namespace},
                spec={
                    "selector": {"match_labels": {INSTANCE_LABEL: group.name}},
                    "update_strategy": {"type": "RollingUpdate", "rolling_update": {"max_unavailable": "10%"}},
                    "template": {"metadata": {"labels": marks}, "spec": pod},
                },
                opts=child,
            )
        self.register_outputs({})
