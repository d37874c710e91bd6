"""Prometheus and Alertmanager as the operator reads them: pure functions, for both ways of installing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from components.labels import NAME_LABEL
from components.monitoring.names import (
    ALERTMANAGER,
    ALERTMANAGER_PORT,
    INSTANCE,
    NAMESPACE,
    PROMETHEUS,
    PROMETHEUS_PORT,
    WEB,
)
from components.pods import USER

if TYPE_CHECKING:
    from pulumi_kubernetes.core import v1 as core

# Key of the Secret `TOKEN_JOBS_SECRET` that holds Prometheus' own scrape jobs. Nothing in it is secret; the operator
# takes them from a Secret only.
TOKEN_JOBS_SECRET = "prometheus-token-jobs"  # noqa: S105
TOKEN_JOBS_KEY = "jobs.yaml"  # noqa: S105
# A target with more series than this is broken, or somebody made a label of user input; it is not read then.
SAMPLE_LIMIT = 50_000


@dataclass(frozen=True, kw_only=True)
class Store:
    """How long and how much Prometheus keeps.

    `retention` and `scrape_interval` are in seconds, `size` is the volume's as a quantity and `size_bytes` as a number.
    With `keep` the volume outlives its Prometheus.
    """

    retention: int
    size: str
    size_bytes: int
    storage_class: str | None
    scrape_interval: int
    keep: bool


def seconds(amount: int) -> str:
    """A duration as Prometheus writes it: `15d`, `30s`."""
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if amount % length == 0:
            return f"{amount // length}{unit}"
    return f"{amount}s"


def tag_of(image: str) -> str:
    """The version that an image's tag names: the operator writes other arguments for other versions."""
    return image.rpartition(":")[2]


def pod_security() -> dict[str, Any]:
    """The pods' security context; the operator adds what `restricted` asks of the containers."""
    return {
        "runAsNonRoot": True,
        "runAsUser": USER,
        "runAsGroup": USER,
        "fsGroup": USER,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def volume_claim(size: str, storage_class: str | None) -> dict[str, Any]:
    spec: dict[str, Any] = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    if storage_class:
        spec["storageClassName"] = storage_class
    return {"volumeClaimTemplate": {"spec": spec}}


def retention_bytes(size: int) -> str:
    """Four fifths of the volume, in MB: Prometheus' own files and a compaction need the rest. Not below 100 MB."""
    return f"{max(100, size * 8 // 10 // 10**6)}MB"


def prometheus_spec(store: Store) -> dict[str, Any]:
    """The parts of a Prometheus that both ways of installing share: what it keeps, what it reads, whom it tells."""
    everything: dict[str, Any] = {}
    return {
        "replicas": 1,
        "retention": seconds(store.retention),
        "retentionSize": retention_bytes(store.size_bytes),
        "scrapeInterval": seconds(store.scrape_interval),
        "evaluationInterval": seconds(store.scrape_interval),
        "storage": volume_claim(store.size, store.storage_class),
        # A volume that outlives its Prometheus is an old bill where its data is not asked for.
        "persistentVolumeClaimRetentionPolicy": {
            "whenDeleted": "Retain" if store.keep else "Delete",
            "whenScaled": "Retain",
        },
        "resources": {"requests": {"cpu": "100m", "memory": "512Mi"}, "limits": {"cpu": "2", "memory": "2Gi"}},
        "securityContext": pod_security(),
        "enableServiceLinks": False,
        "serviceDiscoveryRole": "EndpointSlice",
        # Whatever its labels are: a monitor or a rule that is there is meant.
        **{
            f"{kind}{suffix}": everything
            for kind in ("serviceMonitor", "podMonitor", "rule", "probe")
            for suffix in ("Selector", "NamespaceSelector")
        },
        "arbitraryFSAccessThroughSMs": {"deny": True},
        "enforcedSampleLimit": SAMPLE_LIMIT,
        "additionalScrapeConfigs": {"name": TOKEN_JOBS_SECRET, "key": TOKEN_JOBS_KEY},
    }


def own_prometheus_spec(store: Store, *, image: str) -> dict[str, Any]:
    """The whole Prometheus of the operator that stands alone."""
    return {
        **prometheus_spec(store),
        "image": image,
        "version": tag_of(image),
        "serviceAccountName": PROMETHEUS,
        "alerting": {"alertmanagers": [{"namespace": NAMESPACE, "name": ALERTMANAGER, "port": WEB}]},
    }


def alertmanager_spec(*, storage_class: str | None) -> dict[str, Any]:
    """The parts of an Alertmanager that both ways of installing share."""
    return {
        "replicas": 1,
        "alertmanagerConfiguration": {"name": INSTANCE},
        # Which alerts were silenced and sent must survive a restart.
        "storage": volume_claim("1Gi", storage_class),
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Retain"},
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"cpu": "500m", "memory": "128Mi"}},
        "securityContext": pod_security(),
        "enableServiceLinks": False,
    }


def own_alertmanager_spec(*, storage_class: str | None, image: str) -> dict[str, Any]:
    """The whole Alertmanager of the operator that stands alone."""
    return {
        **alertmanager_spec(storage_class=storage_class),
        "image": image,
        "version": tag_of(image),
        "serviceAccountName": ALERTMANAGER,
        "automountServiceAccountToken": False,
    }


def service_spec(name: str, port: int) -> core.ServiceSpecArgsDict:
    """A Service of the pods that the operator makes for an instance, under a name that does not depend on how."""
    return {
        "type": "ClusterIP",
        "selector": {NAME_LABEL: name},
        "ports": [{"name": WEB, "port": port, "target_port": WEB, "protocol": "TCP"}],
    }


PROMETHEUS_ADDRESS = f"http://{PROMETHEUS}.{NAMESPACE}.svc:{PROMETHEUS_PORT}"
ALERTMANAGER_ADDRESS = f"http://{ALERTMANAGER}.{NAMESPACE}.svc:{ALERTMANAGER_PORT}"
