"""All rules, grouped by subject."""

from policy.rules import capacity, data, identity, network, supply_chain, tenancy, workloads
from policy.rules.model import ResourceRule, StackRule

RULES: tuple[ResourceRule | StackRule, ...] = (
    *network.RULES,
    *identity.RULES,
    *data.RULES,
    *supply_chain.RULES,
    *workloads.RULES,
    *tenancy.RULES,
    *capacity.RULES,
)
