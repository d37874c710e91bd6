"""Tags by which AWS resources are found, and by which they are paid for."""

from __future__ import annotations

# Every resource carries these through the provider's default tags. What AWS creates on our behalf (instances,
# volumes) does not get them from there: launch templates, EC2NodeClasses and the EBS driver have them spelled
# out.
PROJECT = "project"
ENVIRONMENT = "environment"
MANAGED_BY = "managed-by"
# Only on what belongs to one team. Budgets filter by it, so it must be active as a cost allocation tag.
TEAM = "team"
# Only on node pools' machines.
NODE_POOL = "node-pool"
# AWS Backup selects by it.
BACKUP = "backup"

REQUIRED = (PROJECT, ENVIRONMENT, MANAGED_BY)

DISCOVERY = "karpenter.sh/discovery"
PUBLIC_LOAD_BALANCERS = "kubernetes.io/role/elb"
INTERNAL_LOAD_BALANCERS = "kubernetes.io/role/internal-elb"


def defaults(environment: str, extra: dict[str, str] | None = None) -> dict[str, str]:
    """The tags of every resource of an environment; `extra` may add keys but not change these."""
    return {**(extra or {}), PROJECT: "ml-platform", ENVIRONMENT: environment, MANAGED_BY: "pulumi"}


def of_team(team: str) -> dict[str, str]:
    """The tags of what one team owns, beside the default ones."""
    return {TEAM: team}


def discovery(cluster: str) -> dict[str, str]:
    """The tag by which Karpenter finds the subnets and security groups of a cluster."""
    return {DISCOVERY: cluster}
