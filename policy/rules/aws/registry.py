"""Images and add-ons from AWS are fixed and scanned."""

from __future__ import annotations

from collections.abc import Iterator

from policy.graph.resources import Resource
from policy.graph.values import differs, get, no
from policy.rules.model import Level, ResourceRule, Settings, StackRule, resource_rule

REPOSITORY = "aws:ecr/repository:Repository"
# Patterns of image references in ECR, in any account and region.
REGISTRIES = ("*.dkr.ecr.*.amazonaws.com/*",)


@resource_rule(
    "eks-addon-pinned",
    types=("aws:eks/addon:Addon",),
    level=Level.MANDATORY,
    reason="AWS would otherwise choose the newest version",
    remedy="Set addonVersion from the catalog's list for the cluster's Kubernetes version.",
)
def eks_addon_pinned(addon: Resource, _: Settings) -> Iterator[str]:
    """Every EKS add-on has a version."""
    if not addon.props.get("addonVersion"):
        yield f"add-on {addon.props.get('addonName')} has no addonVersion."


@resource_rule(
    "registry-tags-immutable",
    types=(REPOSITORY,),
    level=Level.MANDATORY,
    reason="whoever can push could otherwise change what runs without a review",
    remedy="Set imageTagMutability to IMMUTABLE.",
)
def registry_tags_immutable(repository: Resource, _: Settings) -> Iterator[str]:
    """Tags in a registry are immutable."""
    mutability = repository.props.get("imageTagMutability")
    if differs(mutability, "IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION"):
        yield f"imageTagMutability is {mutability or 'not set, which means MUTABLE'}."


@resource_rule(
    "registry-scans",
    types=(REPOSITORY,),
    level=Level.ADVISORY,
    reason="accounts with enhanced scanning set it for the whole registry",
    remedy="Set imageScanningConfiguration.scanOnPush to true.",
)
def registry_scans(repository: Resource, _: Settings) -> Iterator[str]:
    """A registry scans images on push."""
    if no(get(repository.props, "imageScanningConfiguration", "scanOnPush")):
        yield "scanOnPush is not true."


RULES: tuple[ResourceRule | StackRule, ...] = (
    eks_addon_pinned,
    registry_tags_immutable,
    registry_scans,
)
