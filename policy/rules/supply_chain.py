"""Only reviewed software runs: fixed versions from known sources."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policy.graph.images import catalog, from_registry, in_catalog, is_sample, parse
from policy.graph.pods import parts
from policy.graph.resources import Resource
from policy.graph.values import UNKNOWN
from policy.rules.aws.registry import REGISTRIES as AWS_REGISTRIES
from policy.rules.model import Level, ResourceRule, Setting, Settings, StackRule, resource_rule

REGISTRIES = {
    "registries": Setting(
        # The registry of the embedded cluster, and those of clouds.
        default=("localhost/*", *AWS_REGISTRIES),
        description="patterns of image references in the environment's own registries",
    )
}
EXACT_VERSION = re.compile(r"v?\d+\.\d+\.\d+([-+][\w.+-]+)?")
LOCAL_CHART = re.compile(r"(\.{0,2}/|.*\.tgz$)")


def image_references(resource: Resource) -> list[str]:
    """The images that a Kubernetes object names, at any depth: of containers, and of those that operators make."""
    # `image` of an RBD volume is a disk.
    found = (part["image"] for _, part in parts(resource) if "image" in part and "monitors" not in part)
    return sorted({image for image in found if isinstance(image, str)})


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


RULES: tuple[ResourceRule | StackRule, ...] = (
    image_fixed,
    image_known,
    chart_pinned,
)
