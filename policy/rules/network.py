"""No Service is open to the world."""

from __future__ import annotations

from collections.abc import Iterator

from policy.graph.resources import Resource
from policy.graph.values import UNKNOWN, each, get, is_world
from policy.rules.aws.network import INTERNAL_ANNOTATIONS as AWS_INTERNAL
from policy.rules.model import Level, ResourceRule, Settings, StackRule, resource_rule

# Annotations by which a cloud makes the load balancer of a Service internal.
INTERNAL = (
    *AWS_INTERNAL,
    ("service.beta.kubernetes.io/azure-load-balancer-internal", "true"),
    ("networking.gke.io/load-balancer-type", "Internal"),
)


@resource_rule(
    "load-balancer-internal",
    types=("kubernetes:core/v1:Service",),
    level=Level.MANDATORY,
    reason="a model server authenticates nobody itself",
    remedy="Annotate the Service so that its load balancer is internal "
    f"({', '.join(f'{key}: {value}' for key, value in INTERNAL)}), or list loadBalancerSourceRanges.",
)
def load_balancer_internal(service: Resource, _: Settings) -> Iterator[str]:
    """No Service is open to the world."""
    if get(service.props, "spec", "type") != "LoadBalancer":
        return
    annotations = get(service.props, "metadata", "annotations")
    if annotations is UNKNOWN or any(get(annotations, key) in (value, UNKNOWN) for key, value in INTERNAL):
        return
    ranges = get(service.props, "spec", "loadBalancerSourceRanges")
    if ranges is UNKNOWN:
        return
    if not ranges:
        yield "type LoadBalancer, neither internal nor with loadBalancerSourceRanges."
    for cidr in each(ranges):
        if is_world(cidr):
            yield f"loadBalancerSourceRanges has {cidr}."


RULES: tuple[ResourceRule | StackRule, ...] = (load_balancer_internal,)
