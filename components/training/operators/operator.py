"""What the operators of all training engines have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pulumi

from components.platform.connection import Connection
from components.platform.drain import Drained
from components.platform.sources import Sources


@dataclass(frozen=True, kw_only=True)
class EngineOperatorArgs:
    """Where charts, images and definitions come from, and the cluster that gets them."""

    sources: Sources
    connection: Connection


class EngineOperator(pulumi.ComponentResource):
    """An operator that is ready, its webhooks too, with the kinds that it serves.

    `ready` is what an object of its kinds depends on. `drained` are its controllers.
    """

    drained: ClassVar[tuple[Drained, ...]]
    ready: list[pulumi.Resource]

    def __init__(self, name: str, args: EngineOperatorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"mlplatform:training:{type(self).__name__}", name, None, opts)
        self.ready = self.install(name, args, pulumi.ResourceOptions(parent=self))
        self.register_outputs({})

    def install(self, name: str, args: EngineOperatorArgs, opts: pulumi.ResourceOptions) -> list[pulumi.Resource]:
        """Makes its objects as children, and returns what objects of its kinds depend on."""
        raise NotImplementedError
