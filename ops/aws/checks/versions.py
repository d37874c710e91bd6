"""Kubernetes and its add-ons: versions that EKS offers."""

from __future__ import annotations

from collections.abc import Iterator

from ops.aws.checks.account import Clients
from ops.aws.needs import Needs
from ops.findings import Finding


def versions(needs: Needs, clients: Clients) -> Iterator[Finding]:
    """EKS offers the Kubernetes version, and each add-on in the catalog's version for it."""
    eks = clients.client("eks")
    known = {one["clusterVersion"]: one for one in eks.describe_cluster_versions()["clusterVersions"]}
    support = str(known.get(needs.kubernetes, {}).get("versionStatus", "unknown")).lower().replace("_", " ")
    yield Finding(
        check="Kubernetes version",
        needed=needs.kubernetes,
        have=support if needs.kubernetes in known else f"EKS has {', '.join(sorted(known))}",
        status="missing" if needs.kubernetes not in known else "ok" if support == "standard support" else "look",
        remedy="change cluster.version; extended support costs six times as much",
    )
    for addon, version in needs.addons.items():
        answer = eks.describe_addon_versions(addonName=addon, kubernetesVersion=needs.kubernetes)
        offered = [one["addonVersion"] for found in answer["addons"] for one in found["addonVersions"]]
        yield Finding(
            check=f"add-on {addon}",
            needed=version,
            have="offered" if version in offered else f"newest is {offered[0]}" if offered else "not offered",
            status="ok" if version in offered else "missing",
            remedy=f"change it in catalog.yaml under eks.kubernetes.{needs.kubernetes}",
        )
