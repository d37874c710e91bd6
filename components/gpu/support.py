"""All that a cluster needs for GPUs, from one choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pulumi
import pulumi_kubernetes as k8s

from components.gpu.claims import dra_driver
from components.gpu.daemons import NAMESPACE
from components.gpu.dcgm import DcgmExporter, DcgmExporterArgs
from components.gpu.device_plugin import DevicePlugin, DevicePluginArgs
from components.gpu.operator import GpuOperator, GpuOperatorArgs
from components.gpu_resources import Exclusive, Sharing
from components.platform.connection import Connection
from components.platform.operator import namespace_labels
from components.platform.sources import Sources

Driver = Literal["device-plugin", "operator", "none"]


@dataclass(frozen=True, kw_only=True)
class GpuSupportArgs:
    """`driver`: what offers GPUs; `none` where the nodes bring it along. `sharing`: of all pools but those of `pools`.

    `dra`: pods claim GPUs; NVIDIA's DRA driver is installed unless `driver` is `none`. `monitors`: whether the cluster
    knows ServiceMonitors.
    """

    driver: Driver
    sources: Sources
    connection: Connection
    sharing: Sharing = field(default_factory=Exclusive)
    pools: Mapping[str, Sharing] = field(default_factory=dict[str, Sharing])
    dcgm: bool = True
    dra: bool = False
    monitors: bool = False


class GpuSupport(pulumi.ComponentResource):
    """GPUs that pods can ask for, and their metrics."""

    # Where the DCGM exporter is, if there is one.
    metrics_namespace: pulumi.Output[str] | None

    def __init__(self, name: str, args: GpuSupportArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:gpu:GpuSupport", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.metrics_namespace = None
        if args.driver == "operator":
            operator = GpuOperator(
                name,
                GpuOperatorArgs(
                    sources=args.sources,
                    connection=args.connection,
                    sharing=args.sharing,
                    pools=args.pools,
                    dcgm=args.dcgm,
                    dra=args.dra,
                    monitors=args.monitors,
                ),
                child,
            )
            self.metrics_namespace = operator.operator.namespace if args.dcgm else None
        elif args.driver == "device-plugin" or args.dcgm:
            self._daemons(name, args, child)
        if args.dra and args.driver != "none":
            dra_driver(f"{name}-dra", args.sources, args.connection, child)
        self.register_outputs({})

    def _daemons(self, name: str, args: GpuSupportArgs, child: pulumi.ResourceOptions) -> None:
        namespace = k8s.core.v1.Namespace(
            f"{name}-namespace",
            # Below `restricted` for the reasons in components/platform/exceptions.py.
            metadata={"name": NAMESPACE, "labels": namespace_labels(NAMESPACE, "privileged")},
            opts=child,
        ).metadata.name
        if args.driver == "device-plugin":
            DevicePlugin(
                f"{name}-device-plugin",
                DevicePluginArgs(
                    namespace=namespace,
                    image=args.sources.image("nvidia-device-plugin"),
                    sharing=args.sharing,
                    pools=args.pools,
                ),
                child,
            )
        if args.dcgm:
            self.metrics_namespace = namespace
            DcgmExporter(
                f"{name}-dcgm",
                DcgmExporterArgs(namespace=namespace, image=args.sources.image("dcgm-exporter")),
                child,
            )
