"""Data is hard to lose."""

from __future__ import annotations

from collections.abc import Iterator

from policy.graph.resources import Resource
from policy.rules.aws.data import STATEFUL as AWS_STATEFUL
from policy.rules.model import STACKS, Level, ResourceRule, Settings, StackRule, in_production, resource_rule

# Types of resources that hold data.
STATEFUL = (*AWS_STATEFUL, "kubernetes:core/v1:PersistentVolumeClaim")


@resource_rule(
    "stateful-protected",
    types=STATEFUL,
    level=Level.ADVISORY,
    reason="the engine does not tell a policy about retain_on_delete, which keeps the data too",
    remedy="Declare it with protect=True, or retain_on_delete=True.",
    settings=STACKS,
)
def stateful_protected(resource: Resource, settings: Settings) -> Iterator[str]:
    """In production a resource that holds data is protected by Pulumi."""
    if in_production(resource, settings) and not resource.protect:
        yield "protect is not set."


RULES: tuple[ResourceRule | StackRule, ...] = (stateful_protected,)
