"""Every resource in AWS that costs money has an owner and a budget."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from components.aws.tags import REQUIRED
from policy.graph.resources import Resource, Stack
from policy.graph.values import UNKNOWN, get
from policy.rules.aws.nodes import NODE_GROUP
from policy.rules.model import (
    STACKS,
    Level,
    ResourceRule,
    Setting,
    Settings,
    StackRule,
    in_production,
    resource_rule,
    stack_rule,
)

# AWS resources that take tags and cost money or hold data. Others inherit their bill from these.
TAGGED = (
    "aws:ec2/vpc:Vpc",
    "aws:ec2/natGateway:NatGateway",
    "aws:eks/cluster:Cluster",
    NODE_GROUP,
    "aws:s3/bucket:Bucket",
    "aws:efs/fileSystem:FileSystem",
    "aws:fsx/lustreFileSystem:LustreFileSystem",
    "aws:rds/instance:Instance",
    "aws:ecr/repository:Repository",
    "aws:kms/key:Key",
    "aws:secretsmanager/secret:Secret",
    "aws:iam/role:Role",
)


def default_tags(provider: Any) -> Any:
    """The tags that a provider puts on everything. Providers take nested inputs as JSON text."""
    given = get(provider, "defaultTags")
    if isinstance(given, str):
        given = json.loads(given)
    return get(given, "tags")


@resource_rule(
    "tags-complete",
    types=TAGGED,
    level=Level.MANDATORY,
    reason="a resource without owner and environment can be neither charged nor cleaned up",
    remedy="Set the tags in the provider's defaultTags, or on the resource.",
    settings={
        "tags": Setting(
            default=REQUIRED,
            description="tags that every resource that costs money must have",
        )
    },
)
def tags_complete(resource: Resource, settings: Settings) -> Iterator[str]:
    """Every resource that costs money has the required tags."""
    own, shared = resource.props.get("tags"), default_tags(resource.provider)
    if own is UNKNOWN or shared is UNKNOWN:
        return
    missing = [tag for tag in settings["tags"] if not (get(own, tag) or get(shared, tag))]
    if missing:
        yield f"missing tags: {', '.join(missing)}."


@stack_rule(
    "environment-has-budget",
    level=Level.ADVISORY,
    reason="a company may watch its spending elsewhere",
    remedy="Give the teams a budget in the stack file.",
    settings=STACKS,
)
def environment_has_budget(stack: Stack, settings: Settings) -> Iterator[tuple[Resource, str]]:
    """A production environment on AWS has a budget with an alarm."""
    clusters = [found for found in stack.of("aws:eks/cluster:Cluster") if in_production(found, settings)]
    budgets = stack.of("aws:budgets/budget:Budget")
    if clusters and not any(budget.props.get("notifications") for budget in budgets):
        yield clusters[0], "no aws.budgets.Budget with notifications."


RULES: tuple[ResourceRule | StackRule, ...] = (
    tags_complete,
    environment_has_budget,
)
