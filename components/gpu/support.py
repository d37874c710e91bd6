"""All that a cluster needs for GPUs, from one choice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_kubernetes as k8s

from components.gpu.claims import dra_driver
from components.gpu.daemons import NAMESPACE
from components.gpu.dcgm import DcgmExporter, DcgmExporterArgs
from components.gpu.device_plugin import DevicePlugin, DevicePluginArgs
from components.gpu.operator import GpuOperator, GpuOperatorArgs
from components.platform.operator import namespace_labels

Driver = Literal["device-plugin", "operator", "none"]


@dataclass(frozen=True, kw_only=True)
class GpuSupportArgs(GpuOperatorArgs):
    """`driver`: what offers GPUs; `none` where the nodes already include it, and then no DRA driver is installed."""

    driver: Driver


class GpuSupport(pulumi.ComponentResource):
    """GPUs that pods can ask for, and their metrics."""

    # Where the DCGM exporter is, if there is one.
    metrics_namespace: pulumi.Output[str] | None

    def __init__(self, name: str, args: GpuSupportArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:gpu:GpuSupport", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.metrics_namespace = None
        if args.driver == "operator":
            operator = GpuOperator(name, args, child)
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
