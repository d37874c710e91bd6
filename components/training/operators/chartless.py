"""Operators whose makers publish no chart: definitions, a namespace, and a controller with its rights."""

from __future__ import annotations

from typing import ClassVar

import pulumi
import pulumi_kubernetes as k8s

from components.platform.controller import Controller, ControllerArgs, ControllerProgram
from components.platform.definitions import Definitions, DefinitionsArgs
from components.platform.operator import namespace_labels
from components.training.operators.operator import EngineOperator, EngineOperatorArgs


class ChartlessOperator(EngineOperator):
    """An operator of one controller. The catalog has its image under the program's title."""

    namespace: ClassVar[str]
    # The entry of the catalog that holds its kinds.
    definitions: ClassVar[str]
    program: ClassVar[ControllerProgram]

    def extras(self, name: str, opts: pulumi.ResourceOptions) -> list[pulumi.Resource]:
        """What the controller needs beside its kinds and its rights."""
        del name, opts
        return []

    def install(self, name: str, args: EngineOperatorArgs, opts: pulumi.ResourceOptions) -> list[pulumi.Resource]:
        definitions = Definitions(
            f"{name}-definitions",
            DefinitionsArgs(manifest=self.definitions, sources=args.sources, connection=args.connection),
            opts,
        )
        namespace = k8s.core.v1.Namespace(
            f"{name}-namespace",
            metadata={"name": self.namespace, "labels": namespace_labels(self.program.title, "restricted")},
            opts=opts,
        )
        extras = self.extras(name, pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[namespace])))
        controller = Controller(
            f"{name}-controller",
            ControllerArgs(
                program=self.program,
                namespace=namespace.metadata.name,
                image=args.sources.image(self.program.title),
                # Each looks for its kinds at its start.
                after=[definitions, *extras],
            ),
            opts,
        )
        return [definitions, controller]
