"""What the parts of the monitoring may do: rules of roles, none with a wildcard."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from components.monitoring.training_state import operated
from components.training.engines import EngineFacts

if TYPE_CHECKING:
    from pulumi_kubernetes.rbac import v1 as rbac

READ = ["get", "list", "watch"]
GROUP = "monitoring.coreos.com"
# What kube-state-metrics tells of, by API group. No Secrets and no ConfigMaps.
OBSERVED: dict[str, tuple[str, ...]] = {
    "": ("namespaces", "nodes", "persistentvolumeclaims", "persistentvolumes", "pods", "resourcequotas"),
    "apps": ("daemonsets", "deployments", "statefulsets"),
    "autoscaling": ("horizontalpodautoscalers",),
    "batch": ("cronjobs", "jobs"),
    "policy": ("poddisruptionbudgets",),
}


def _rule(group: str, resources: list[str], verbs: list[str]) -> rbac.PolicyRuleArgsDict:
    return {"api_groups": [group], "resources": resources, "verbs": verbs}


def operator_cluster_rules() -> list[rbac.PolicyRuleArgsDict]:
    """The operator reads monitors and rules everywhere. What it makes, it makes in its own namespace only."""
    watched = ["podmonitors", "probes", "prometheusrules", "scrapeconfigs", "servicemonitors"]
    return [
        _rule(GROUP, watched, READ),
        _rule("", ["namespaces"], READ),
        _rule("storage.k8s.io", ["storageclasses"], ["get"]),
        _rule("events.k8s.io", ["events"], ["create", "patch"]),
    ]


def operator_rules() -> list[rbac.PolicyRuleArgsDict]:
    """In the namespace of the monitoring: Prometheus, Alertmanager, and the objects that they are made of."""
    instances = ["alertmanagers", "prometheuses"]
    made = ["create", "delete", "patch", "update"]
    return [
        _rule(GROUP, [*instances, "alertmanagerconfigs"], READ),
        _rule(GROUP, [f"{name}/status" for name in instances], ["patch", "update"]),
        # An owner that blocks its deletion has to be changeable by whoever names it as owner.
        _rule(GROUP, [f"{name}/finalizers" for name in instances], ["update"]),
        _rule("apps", ["statefulsets"], [*READ, *made]),
        _rule("", ["configmaps", "secrets"], [*READ, *made]),
        _rule("", ["services"], ["get", "create", "delete", "patch", "update"]),
        _rule("", ["services/finalizers"], ["update"]),
        _rule("", ["pods"], ["delete", "get", "list"]),
    ]


def reader_rules() -> list[rbac.PolicyRuleArgsDict]:
    """Prometheus' cluster-wide part: the nodes, what their kubelets measure, what the API server measures."""
    return [
        _rule("", ["nodes"], READ),
        _rule("", ["nodes/metrics"], ["get"]),
        {"non_resource_urls": ["/metrics"], "verbs": ["get"]},
    ]


def discovery_rules() -> list[rbac.PolicyRuleArgsDict]:
    """How Prometheus finds its targets in a namespace."""
    return [_rule("", ["pods", "services"], READ), _rule("discovery.k8s.io", ["endpointslices"], READ)]


def state_rules(engines: Iterable[EngineFacts]) -> list[rbac.PolicyRuleArgsDict]:
    """kube-state-metrics."""
    observed = [_rule(group, list(resources), ["list", "watch"]) for group, resources in OBSERVED.items()]
    return [*observed, *engine_rules(engines)]


def engine_rules(engines: Iterable[EngineFacts]) -> list[rbac.PolicyRuleArgsDict]:
    """What kube-state-metrics needs for objects of training engines: it looks up their kinds before it watches them."""
    rules = [_rule(facts.group, [facts.resource], ["list", "watch"]) for facts in operated(engines)]
    return [_rule("apiextensions.k8s.io", ["customresourcedefinitions"], ["list", "watch"]), *rules] if rules else []
