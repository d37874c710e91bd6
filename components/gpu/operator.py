"""NVIDIA's GPU Operator: device plugin, feature discovery, DCGM and MIG manager, on nodes that have the driver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
import yaml

from components.gpu.counters import FILE, FOLDER, counters_file
from components.gpu.daemons import NAMESPACE
from components.gpu.device_plugin import plugin_config
from components.gpu_resources import MIG_DISABLED, Exclusive, Mig, Sharing
from components.platform.connection import Connection
from components.platform.operator import Operator, OperatorArgs
from components.platform.sources import Sources

CHART = "gpu-operator"
# Name of a pool's entry in the operator's configs for nodes that no pool setting is for.
DEFAULT = "default"
# The image of each part, which the chart takes as a registry with a path, and a name.
_IMAGES = {
    "operator": "gpu-operator",
    "validator": "gpu-operator",
    "devicePlugin": "k8s-device-plugin",
    "gfd": "k8s-device-plugin",
    "dcgmExporter": "dcgm-exporter",
    "migManager": "k8s-mig-manager",
}


@dataclass(frozen=True, kw_only=True)
class GpuOperatorArgs:
    """`sharing`: how GPUs are shared; `pools`: where otherwise. `dra`: GPUs are claimed, so no device plugin runs."""

    sources: Sources
    connection: Connection
    sharing: Sharing = field(default_factory=Exclusive)
    pools: Mapping[str, Sharing] = field(default_factory=dict[str, Sharing])
    dcgm: bool = True
    dra: bool = False


def mig_config(sharing: Mapping[str, Sharing]) -> dict[str, Any]:
    """The MIG manager's config: which partitions each entry of `sharing` makes of a node's GPUs.

    https://github.com/NVIDIA/mig-parted#usage
    """
    configs: dict[str, Any] = {MIG_DISABLED: [{"devices": "all", "mig-enabled": False}]}
    for name, one in sorted(sharing.items()):
        if isinstance(one, Mig):
            configs[name] = [{"devices": "all", "mig-enabled": True, "mig-devices": dict(one.profiles)}]
    return {"version": "v1", "mig-configs": configs}


def operator_values(args: GpuOperatorArgs) -> dict[str, Any]:
    """Values of the chart. Nodes choose an entry of the configs by label (`components.gpu_resources`)."""
    every = {**args.pools, DEFAULT: args.sharing}
    partitioned = any(isinstance(one, Mig) for one in every.values())
    mixed = any(isinstance(one, Mig) and one.strategy == "mixed" for one in every.values())
    values: dict[str, Any] = {
        part: {"repository": args.sources.chart_image(CHART, image).rpartition("/")[0]}
        for part, image in _IMAGES.items()
    }
    values["node-feature-discovery"] = {
        "image": {"repository": args.sources.chart_image(CHART, "node-feature-discovery").rpartition(":")[0]}
    }
    # Amazon Linux's NVIDIA image, and any node that this platform supports, has both already.
    values["driver"] = {"enabled": False}
    values["toolkit"] = {"enabled": False}
    values["mig"] = {"strategy": "mixed" if mixed else "single"}
    values["devicePlugin"] |= {
        "enabled": not args.dra,
        "config": {
            "create": True,
            "name": "device-plugin-settings",
            "default": DEFAULT,
            "data": {name: yaml.safe_dump(plugin_config(one)) for name, one in sorted(every.items())},
        },
    }
    values["dcgmExporter"] |= {
        "enabled": args.dcgm,
        "serviceMonitor": {"enabled": False},
        "config": {"create": True, "name": "dcgm-counters", "data": counters_file()},
        "env": [{"name": "DCGM_EXPORTER_COLLECTORS", "value": f"{FOLDER}/{FILE}"}],
    }
    values["migManager"] |= {"enabled": partitioned}
    if partitioned:
        values["migManager"]["config"] = {
            "create": True,
            "name": "mig-layouts",
            "default": DEFAULT if isinstance(args.sharing, Mig) else MIG_DISABLED,
            "data": {"config.yaml": yaml.safe_dump(mig_config(every))},
        }
    return values


class GpuOperator(pulumi.ComponentResource):
    """GPUs of every GPU node as resources that pods can ask for, partitioned where the config says so."""

    operator: Operator

    def __init__(self, name: str, args: GpuOperatorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:gpu:GpuOperator", name, None, opts)
        self.operator = Operator(
            f"{name}-operator",
            OperatorArgs(
                chart=CHART,
                namespace=NAMESPACE,
                sources=args.sources,
                connection=args.connection,
                values=operator_values(args),
                # Its daemons mount the node's folders and load its devices.
                pod_security="privileged",
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})
