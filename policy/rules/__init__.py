"""All rules, grouped by subject."""

from policy.rules import (
    access,
    aws,
    data,
    jobs,
    network,
    pod_security,
    resources,
    secrets,
    servers,
    supply_chain,
    tenancy,
)
from policy.rules.model import ResourceRule, StackRule

RULES: tuple[ResourceRule | StackRule, ...] = (
    *tenancy.RULES,
    *access.RULES,
    *pod_security.RULES,
    *secrets.RULES,
    *resources.RULES,
    *jobs.RULES,
    *servers.RULES,
    *network.RULES,
    *supply_chain.RULES,
    *data.RULES,
    *aws.RULES,
)
