"""What the platform's own pods on GPU nodes have in common: where they run, and as what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components import namespaces
from components.gpu_resources import PRESENT_LABEL

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core
    from pulumi_kubernetes.meta import v1 as meta

NAMESPACE = namespaces.GPU
# A node without them is useless, so they may evict whatever is in their way.
PRIORITY = "system-node-critical"


def gpu_nodes(*more: core.NodeSelectorRequirementArgsDict) -> core.AffinityArgsDict:
    """Nodes with GPUs, and of them those that meet `more`."""
    present: core.NodeSelectorRequirementArgsDict = {"key": PRESENT_LABEL, "operator": "In", "values": ["true"]}
    return {
        "node_affinity": {
            "required_during_scheduling_ignored_during_execution": {
                "node_selector_terms": [{"match_expressions": [present, *more]}]
            }
        }
    }


def daemon_metadata(name: str, daemon_labels: dict[str, str]) -> meta.ObjectMetaArgsDict:
    return {
        "name": name,
        "namespace": NAMESPACE,
        "labels": daemon_labels,
        # Nodes come and go with the work, and a broken one must not stop a change of the whole platform.
        "annotations": {"pulumi.com/skipAwait": "true"},
    }


def daemon_pod(container: core.ContainerArgsDict, affinity: core.AffinityArgsDict) -> core.PodSpecArgsDict:
    """A pod of every node that `affinity` finds: no API access, no other privileges than its container says."""
    return {
        "priority_class_name": PRIORITY,
        "automount_service_account_token": False,
        "enable_service_links": False,
        "security_context": {"seccomp_profile": {"type": "RuntimeDefault"}},
        "affinity": affinity,
        # Every taint, also those of nodes that are dedicated to a team: a GPU node needs its daemons.
        "tolerations": [{"operator": "Exists"}],
        "containers": [container],
    }
