"""A team whose namespace another stack made."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi


@dataclass(frozen=True, kw_only=True)
class TeamReferenceArgs:
    """`namespace`: as the other stack's outputs have it."""

    namespace: pulumi.Input[str]


class TeamReference(pulumi.ComponentResource):
    """The place of a team's workloads in a stack that holds nothing else: it makes no object of its own."""

    namespace: pulumi.Output[str]

    def __init__(self, name: str, args: TeamReferenceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:tenancy:TeamReference", name, None, opts)
        self.namespace = pulumi.Output.from_input(args.namespace)
        self.register_outputs({"namespace": self.namespace})
