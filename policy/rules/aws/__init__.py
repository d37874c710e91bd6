"""The rules on resources of AWS."""

from policy.rules.aws import buckets, costs, data, identity, network, nodes, registry
from policy.rules.model import ResourceRule, StackRule

RULES: tuple[ResourceRule | StackRule, ...] = (
    *network.RULES,
    *identity.RULES,
    *buckets.RULES,
    *data.RULES,
    *nodes.RULES,
    *registry.RULES,
    *costs.RULES,
)
