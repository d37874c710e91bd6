"""Least privilege in AWS."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from policy.graph.resources import Resource, Stack
from policy.graph.values import each, get
from policy.rules.aws.documents import statements
from policy.rules.model import Level, ResourceRule, Setting, Settings, StackRule, resource_rule, stack_rule

ROLE = "aws:iam/role:Role"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
# Where permission documents stand, and under which property.
DOCUMENTS = {
    "aws:iam/policy:Policy": "policy",
    ROLE_POLICY: "policy",
    "aws:iam/userPolicy:UserPolicy": "policy",
    "aws:iam/groupPolicy:GroupPolicy": "policy",
}
# Actions that AWS grants only on every resource (service authorization reference), and reads of lists.
UNSCOPABLE = (
    "*:describe*",
    "*:list*",
    "autoscaling:describe*",
    "cloudwatch:putmetricdata",
    "ec2:get*",
    "ecr:getauthorizationtoken",
    "elasticloadbalancing:describe*",
    "pricing:getproducts",
    "s3:listallmybuckets",
    "ssm:getparameter*",
    "sts:getcalleridentity",
    "xray:put*",
)
# Services that hold a team's data, or the keys to it.
DATA_SERVICES = ("dynamodb", "elasticfilesystem", "fsx", "kms", "rds-db", "s3", "secretsmanager")
NODE_POLICIES = (
    "AmazonEKSWorkerNodePolicy",
    "AmazonEKSWorkerNodeMinimalPolicy",
    "AmazonEKS_CNI_Policy",
    "AmazonEC2ContainerRegistryReadOnly",
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonSSMManagedInstanceCore",
    "CloudWatchAgentServerPolicy",
)
BROAD_POLICIES = re.compile(r"/(AdministratorAccess|PowerUserAccess|IAMFullAccess|[\w-]*FullAccess)$")


def documents(resource: Resource) -> Iterator[dict[str, Any]]:
    """Every permission statement that a resource carries (trust statements are not permissions)."""
    if key := DOCUMENTS.get(resource.type):
        yield from statements(resource.props.get(key))
    if resource.type == ROLE:
        for inline in each(resource.props.get("inlinePolicies")):
            yield from statements(get(inline, "policy"))


def allowed(statement: dict[str, Any]) -> list[str]:
    """The actions that a statement allows, in lower case: IAM does not tell case apart."""
    if statement.get("Effect") != "Allow":
        return []
    return [action.lower() for action in each(statement.get("Action")) if isinstance(action, str)]


def sid(statement: dict[str, Any]) -> str:
    return f"statement {statement['Sid']}" if statement.get("Sid") else "a statement without Sid"


PERMISSIONS = (*DOCUMENTS, ROLE)


@resource_rule(
    "iam-no-wildcard-action",
    types=PERMISSIONS,
    level=Level.MANDATORY,
    reason="a wildcard also allows what AWS adds next year",
    remedy="List the actions that are used; `Describe*`, `List*` and `Get*` of one service are allowed.",
)
def iam_no_wildcard_action(resource: Resource, _: Settings) -> Iterator[str]:
    """No policy allows every action, or every action of a service."""
    for statement in documents(resource):
        if statement.get("Effect") == "Allow" and statement.get("NotAction"):
            yield f"{sid(statement)} allows all but NotAction."
        for action in allowed(statement):
            if action == "*" or action.endswith(":*"):
                yield f"{sid(statement)} allows {action}."


@resource_rule(
    "iam-resource-scoped",
    types=PERMISSIONS,
    level=Level.MANDATORY,
    reason="a role for one bucket must not read its neighbour's",
    remedy="Name the ARNs in Resource, or limit the statement with a Condition, such as a resource tag.",
)
def iam_resource_scoped(resource: Resource, _: Settings) -> Iterator[str]:
    """A policy that allows more than listing names its resources."""
    for statement in documents(resource):
        if "*" not in each(statement.get("Resource")) or statement.get("Condition"):
            continue
        for action in allowed(statement):
            if not any(fnmatchcase(action, pattern) for pattern in UNSCOPABLE):
                yield f"{sid(statement)} allows {action} on every resource."


@resource_rule(
    "iam-trust-scoped",
    types=(ROLE,),
    level=Level.MANDATORY,
    reason="whoever may assume a role has all of its permissions",
    remedy="Trust a service (pods.eks.amazonaws.com), a role, or an OIDC provider with a condition on `sub`.",
)
def iam_trust_scoped(role: Resource, _: Settings) -> Iterator[str]:
    """A role can be assumed only by a named service, role or identity."""
    for statement in statements(role.props.get("assumeRolePolicy")):
        if statement.get("Effect") != "Allow":
            continue
        principal = statement.get("Principal")
        if principal == "*" or "*" in each(get(principal, "AWS")):
            yield f"{sid(statement)} trusts every AWS account."
        federated = [name for name in each(get(principal, "Federated")) if "oidc-provider/" in str(name)]
        conditions = str(statement.get("Condition", ""))
        if federated and ":sub" not in conditions:
            yield f"{sid(statement)} trusts every identity of {federated[0]}."


@resource_rule(
    "iam-no-broad-managed-policy",
    types=(ATTACHMENT, ROLE, "aws:iam/policyAttachment:PolicyAttachment"),
    level=Level.MANDATORY,
    reason="they are wildcards with a name",
    remedy="Write a policy with the actions and resources that are used.",
)
def iam_no_broad_managed_policy(resource: Resource, _: Settings) -> Iterator[str]:
    """No role has an administrator's or a FullAccess policy of AWS."""
    for arn in [*each(resource.props.get("policyArn")), *each(resource.props.get("managedPolicyArns"))]:
        if BROAD_POLICIES.search(str(arn)):
            yield f"{str(arn).rpartition('/')[2]} is attached."


@resource_rule(
    "iam-no-static-keys",
    types=("aws:iam/user:User", "aws:iam/accessKey:AccessKey"),
    level=Level.MANDATORY,
    reason="a key that does not expire ends up in a repository one day",
    remedy="Use Pod Identity for pods, OIDC for CI, and your identity provider for people.",
)
def iam_no_static_keys(_: Resource, __: Settings) -> Iterator[str]:
    """No IAM users and access keys."""
    yield "it has credentials that do not expire."


def node_roles(stack: Stack) -> list[Resource]:
    """Roles that EC2 instances may assume."""
    return [
        role
        for role in stack.of(ROLE)
        if any(
            "ec2.amazonaws.com" in each(get(statement, "Principal", "Service"))
            for statement in statements(role.props.get("assumeRolePolicy"))
        )
    ]


@stack_rule(
    "node-role-without-data",
    level=Level.MANDATORY,
    reason="every pod of a node may end up with the node's permissions",
    remedy="Give the permission to the workload through a Pod Identity association.",
    settings={"policies": Setting(default=NODE_POLICIES, description="managed policies that a node may have")},
)
def node_role_without_data(stack: Stack, settings: Settings) -> Iterator[tuple[Resource, str]]:
    """The role of a node can join the cluster and pull images, and reads no data."""
    for role in node_roles(stack):
        attached = [a.props.get("policyArn") for a in stack.about(role, "role", ATTACHMENT, key="name")]
        for arn in [*attached, *each(role.props.get("managedPolicyArns"))]:
            policy = str(arn).rpartition("/")[2]
            if isinstance(arn, str) and policy not in settings["policies"]:
                yield role, f"{policy} is attached to a node's role."
        inline = [p for own in stack.about(role, "role", ROLE_POLICY, key="name") for p in documents(own)]
        for statement in [*documents(role), *inline]:
            for action in allowed(statement):
                if action.partition(":")[0] in (*DATA_SERVICES, "*"):
                    yield role, f"{sid(statement)} allows {action} to every pod of the node."


RULES: tuple[ResourceRule | StackRule, ...] = (
    iam_no_wildcard_action,
    iam_resource_scoped,
    iam_trust_scoped,
    iam_no_broad_managed_policy,
    iam_no_static_keys,
    node_role_without_data,
)
