"""What runs is what was reviewed: fixed versions from known sources."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policy.rules.images import OWN_REGISTRIES, catalog, from_registry, in_catalog, is_sample, parse
from policy.rules.model import Level, Resource, ResourceRule, Setting, Settings, StackRule, resource_rule
from policy.rules.pods import pods
from policy.rules.values import UNKNOWN, differs, each, get, no

REGISTRIES = {
    "registries": Setting(
        default=OWN_REGISTRIES, description="patterns of image references of the environment's own registries"
    )
}
EXACT_VERSION = re.compile(r"v?\d+\.\d+\.\d+([-+][\w.+-]+)?")
LOCAL_CHART = re.compile(r"(\.{0,2}/|.*\.tgz$)")
REPOSITORY = "aws:ecr/repository:Repository"


def image_references(resource: Resource) -> list[str]:
    return sorted(
        {
            container["image"]
            for pod in pods(resource)
            for container in pod.containers
            if isinstance(container.get("image"), str)
        }
    )


@resource_rule(
    "image-fixed",
    types=(),
    level=Level.MANDATORY,
    reason="a tag that moves makes a node run what nobody reviewed",
    remedy="Append @sha256:… to the image. Images of catalog.yaml, and sample images by their content tag, "
    "are fixed already.",
    settings=REGISTRIES,
)
def image_fixed(resource: Resource, settings: Settings) -> Iterator[str]:
    """Every image is named by its digest, by the catalog, or by the content of its sources."""
    for reference in image_references(resource):
        fixed = (
            parse(reference).digest or in_catalog(reference, catalog()) or is_sample(reference, settings["registries"])
        )
        if not fixed:
            yield f"{reference} has no digest."


@resource_rule(
    "image-known",
    types=(),
    level=Level.ADVISORY,
    reason="the pack does not know a company's registries until `registries` lists them",
    remedy="Push the image to the environment's registry, add it to catalog.yaml, or list its registry in "
    "the policy configuration.",
    settings=REGISTRIES,
)
def image_known(resource: Resource, settings: Settings) -> Iterator[str]:
    """Every image comes from the catalog or from a registry of the environment."""
    for reference in image_references(resource):
        if not in_catalog(reference, catalog()) and not from_registry(reference, settings["registries"]):
            yield f"{reference} comes from outside."


@resource_rule(
    "chart-pinned",
    types=(
        "kubernetes:helm.sh/v3:Release",
        "kubernetes:helm.sh/v3:Chart",
        "kubernetes:helm.sh/v4:Chart",
    ),
    level=Level.MANDATORY,
    reason="without a version the next update installs what was published last",
    remedy="Set version to one exact version, as catalog.yaml has it.",
)
def chart_pinned(chart: Resource, _: Settings) -> Iterator[str]:
    """Every chart has an exact version, or is a folder or file of a reviewed one."""
    source, version = chart.props.get("chart"), chart.props.get("version")
    if UNKNOWN in (source, version) or (isinstance(source, str) and LOCAL_CHART.match(source)):
        return
    if not (isinstance(version, str) and EXACT_VERSION.fullmatch(version)):
        yield (f"version {version} of chart {source} is not exact." if version else f"chart {source} has no version.")


@resource_rule(
    "eks-addon-pinned",
    types=("aws:eks/addon:Addon",),
    level=Level.MANDATORY,
    reason="AWS would choose the version of the day it is made",
    remedy="Set addonVersion from the catalog's list for the cluster's Kubernetes version.",
)
def eks_addon_pinned(addon: Resource, _: Settings) -> Iterator[str]:
    """Every EKS add-on has a version."""
    if not addon.props.get("addonVersion"):
        yield f"add-on {addon.props.get('addonName')} has no addonVersion."


@resource_rule(
    "node-image-pinned",
    types=("kubernetes:karpenter.k8s.aws/v1:EC2NodeClass",),
    level=Level.MANDATORY,
    reason="a new image would replace every node on the day AWS publishes it",
    remedy="Name a dated version in amiSelectorTerms, such as alias al2023@v20260101, or an image id.",
)
def node_image_pinned(node_class: Resource, _: Settings) -> Iterator[str]:
    """Karpenter starts nodes from one dated image."""
    for term in each(get(node_class.props, "spec", "amiSelectorTerms")):
        alias = get(term, "alias")
        if isinstance(alias, str) and (alias.endswith("@latest") or "@" not in alias):
            yield f"alias {alias} moves."


@resource_rule(
    "registry-tags-immutable",
    types=(REPOSITORY,),
    level=Level.MANDATORY,
    reason="whoever can push could otherwise change what runs without a review",
    remedy="Set imageTagMutability to IMMUTABLE.",
)
def registry_tags_immutable(repository: Resource, _: Settings) -> Iterator[str]:
    """A tag of a registry never moves."""
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
    """A registry scans what is pushed."""
    if no(get(repository.props, "imageScanningConfiguration", "scanOnPush")):
        yield "scanOnPush is not true."


RULES: tuple[ResourceRule | StackRule, ...] = (
    image_fixed,
    image_known,
    chart_pinned,
    eks_addon_pinned,
    node_image_pinned,
    registry_tags_immutable,
    registry_scans,
)
