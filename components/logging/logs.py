"""The logs of an environment: an OpenTelemetry collector on each node, and Loki to keep what it reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as k8s

from components import catalog, namespaces
from components.platform.connection import Connection
from components.platform.operator import Operator, OperatorArgs
from components.platform.sources import Sources

if TYPE_CHECKING:
    from pulumi_kubernetes.networking import v1 as networking

NAMESPACE = namespaces.LOGGING
# The collector reads the nodes' folder of logs. Its namespace lets it, and that of Loki stays `restricted`.
NODE_NAMESPACE = namespaces.LOGGING_NODES
# Where Grafana and Prometheus are.
MONITORING = namespaces.MONITORING
COLLECTOR = "opentelemetry-collector"
LOKI = "loki"
LOKI_PORT = 3100
LOKI_URL = f"http://{LOKI}.{NAMESPACE}.svc.cluster.local:{LOKI_PORT}"
AUTHORIZATION = "LOG_STORE_AUTHORIZATION"

Values = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class LokiArgs:
    """`retention_hours`: how long lines are kept. `size`: of its volume, a Kubernetes quantity."""

    retention_hours: int
    size: str
    storage_class: str | None = None


@dataclass(frozen=True, kw_only=True)
class LogStore:
    """Where logs are sent, by OTLP over HTTP, and the Secret's key that has the `Authorization` header."""

    url: str
    secret: str | None = None
    key: str | None = None


@dataclass(frozen=True, kw_only=True)
class LogsArgs:
    """`store` is a log store of the company's own; without it Loki is installed as `loki` says."""

    sources: Sources
    connection: Connection
    loki: LokiArgs | None = None
    store: LogStore | None = None


def image_parts(reference: str) -> tuple[str, str]:
    """Repository and tag of an image reference that has a tag."""
    repository, _, tag = reference.rpartition(":")
    return repository, tag


def collector_values(store: LogStore, image: str) -> Values:
    """Values of the collector's chart: containers' logs with the names of pod, namespace and workload, and no more.

    `alternateConfig`, since the chart's own configuration listens on a dozen ports for traces that nobody sends.
    """
    repository, tag = image_parts(image)
    exporter: Values = {"endpoint": store.url}
    values: Values = {
        "mode": "daemonset",
        "image": {"repository": repository, "tag": tag},
        "command": {"name": "otelcol-contrib"},
        "presets": {
            # Where it left off is kept on the node, so that a restart loses and repeats nothing.
            "logsCollection": {"enabled": True, "storeCheckpoints": True},
            "kubernetesAttributes": {"enabled": True},
        },
        "ports": {
            name: {"enabled": False}
            for name in ("otlp", "otlp-http", "jaeger-compact", "jaeger-thrift", "jaeger-grpc", "zipkin")
        },
        "alternateConfig": {
            "extensions": {"health_check": {"endpoint": "${env:MY_POD_IP}:13133"}},
            "receivers": {},
            "processors": {
                "memory_limiter": {"check_interval": "5s", "limit_percentage": 80, "spike_limit_percentage": 25},
                "batch": {},
            },
            "exporters": {"otlp_http": exporter},
            "service": {
                "extensions": ["health_check"],
                "pipelines": {
                    "logs": {
                        "receivers": [],
                        "processors": ["memory_limiter", "batch"],
                        "exporters": ["otlp_http"],
                    }
                },
            },
        },
        # Log files belong to root. Nothing else of root's power is left.
        "securityContext": {
            "runAsUser": 0,
            "runAsGroup": 0,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
        # GPU nodes have logs too.
        "tolerations": [{"operator": "Exists"}],
    }
    if store.secret and store.key:
        exporter["headers"] = {"Authorization": f"${{env:{AUTHORIZATION}}}"}
        reference = {"name": store.secret, "key": store.key}
        values["extraEnvs"] = [{"name": AUTHORIZATION, "valueFrom": {"secretKeyRef": reference}}]
    return values


def loki_values(args: LokiArgs, sources: Sources) -> Values:
    """Values of Loki's chart: one process with a volume. More than some dozen GB a day want object storage."""
    volume: Values = {"enabled": True, "size": args.size}
    if args.storage_class:
        volume["storageClass"] = args.storage_class
    index = {"prefix": "loki_index_", "period": "24h"}
    schema = {"from": "2024-04-01", "store": "tsdb", "object_store": "filesystem", "schema": "v13", "index": index}
    off: Values = {"enabled": False}
    none: Values = {"replicas": 0}
    return {
        "deploymentMode": "Monolithic",
        "loki": {
            # One tenant: who may ask is the network policy's business.
            "auth_enabled": False,
            "image": {"registry": sources.mirrored("docker.io")},
            "commonConfig": {"replication_factor": 1},
            "storage": {"type": "filesystem"},
            "schemaConfig": {"configs": [schema]},
            "limits_config": {"retention_period": f"{args.retention_hours}h", "allow_structured_metadata": True},
            "compactor": {"retention_enabled": True, "delete_request_store": "filesystem"},
        },
        "singleBinary": {
            "replicas": 1,
            "sidecar": False,
            "persistence": volume,
            "resources": {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}},
        },
        "backend": none,
        "read": none,
        "write": none,
        "gateway": off,
        "lokiCanary": off,
        "test": off,
        "chunksCache": off,
        "resultsCache": off,
    }


def store_policy_spec() -> networking.NetworkPolicySpecArgsDict:
    """The NetworkPolicy of Loki's namespace: collectors write, Grafana and Prometheus read, nobody else comes in."""

    def of(namespace: str) -> networking.NetworkPolicyPeerArgsDict:
        return {"namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": namespace}}}

    return {
        "pod_selector": {},
        "policy_types": ["Ingress"],
        "ingress": [
            {
                "from_": [of(NODE_NAMESPACE), of(MONITORING), {"pod_selector": {}}],
                "ports": [{"protocol": "TCP", "port": LOKI_PORT}],
            }
        ],
    }


class Logs(pulumi.ComponentResource):
    """The logs of all containers in one place, with the names of what wrote them."""

    url: str

    def __init__(self, name: str, args: LogsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:platform:Logs", name, None, opts)
        after: list[pulumi.Resource] = []
        store = args.store or LogStore(url=f"{LOKI_URL}/otlp")
        if args.store is None and args.loki is not None:
            loki = Operator(
                f"{name}-loki",
                OperatorArgs(
                    chart=LOKI,
                    namespace=NAMESPACE,
                    sources=args.sources,
                    connection=args.connection,
                    values=loki_values(args.loki, args.sources),
                ),
                pulumi.ResourceOptions(parent=self),
            )
            k8s.networking.v1.NetworkPolicy(
                f"{name}-policy",
                metadata={"name": "loki", "namespace": loki.namespace},
                spec=store_policy_spec(),
                opts=pulumi.ResourceOptions(parent=self),
            )
            after.append(loki)
        Operator(
            f"{name}-collector",
            OperatorArgs(
                chart=COLLECTOR,
                namespace=NODE_NAMESPACE,
                sources=args.sources,
                connection=args.connection,
                values=collector_values(store, args.sources.mirrored(catalog.load().chart(COLLECTOR).images[0])),
                pod_security="privileged",
            ),
            pulumi.ResourceOptions(parent=self, depends_on=after),
        )
        self.url = store.url
        self.register_outputs({"url": self.url})
