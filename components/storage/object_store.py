"""The platform's own S3 server (versitygw, https://github.com/versity/versitygw), for clusters that have none near.

Each team has a server of its own: a process, a volume, a bucket and a pair of keys. Nothing but the keys of a team
opens its server, and a new team touches no other's. The servers know no users: the keys are those of their root.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

from components import namespaces
from components.labels import PART_OF, Owner, object_labels, selector_labels
from components.platform.disruption import Disruption, disruption_budget_spec
from components.platform.operator import namespace_labels
from components.pods import TMP_VOLUME, Mount, Placement, Program, Resources, SecretKey, container, pod_spec
from components.quantities import canonical_quantity
from components.storage.access import ACCESS_KEY_ID, SECRET_ACCESS_KEY, BucketAccess
from components.storage.bucket import WORKLOADS

if TYPE_CHECKING:
    from pulumi_kubernetes.apps import v1 as apps
    from pulumi_kubernetes.core import v1 as core
    from pulumi_kubernetes.meta import v1 as meta
    from pulumi_kubernetes.networking import v1 as networking

NAMESPACE = namespaces.STORAGE
COMPONENT = "object-store"
PORT = 7070
REGION = "us-east-1"
# What the team's Secret is called in its namespace.
CREDENTIALS = "ml-platform-object-store"
HEALTH = "/healthz"
BUCKETS_ROOT, METADATA_ROOT = "/buckets", "/metadata"
RESOURCES = Resources(requests={"cpu": "50m", "memory": "64Mi"}, limits={"cpu": "1", "memory": "512Mi"})


@dataclass(frozen=True, kw_only=True)
class ObjectStoreSystemArgs:
    """`retain`: whether the namespace, and with it all data in it, stays when the stack drops it."""

    protect: bool = False
    retain: bool = False


class ObjectStoreSystem(pulumi.ComponentResource):
    """The namespace of the teams' S3 servers, closed to all traffic that is not allowed one by one."""

    namespace: pulumi.Output[str]

    def __init__(self, name: str, args: ObjectStoreSystemArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:platform:ObjectStoreSystem", name, None, opts)
        namespace = k8s.core.v1.Namespace(
            f"{name}-namespace",
            metadata={"name": NAMESPACE, "labels": namespace_labels(NAMESPACE, "restricted")},
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect, retain_on_delete=args.retain),
        )
        self.namespace = namespace.metadata.name
        k8s.networking.v1.NetworkPolicy(
            f"{name}-default-deny",
            metadata={
                "name": "default-deny",
                "namespace": self.namespace,
                "labels": {"app.kubernetes.io/part-of": PART_OF, "app.kubernetes.io/managed-by": "pulumi"},
            },
            spec={"pod_selector": {}, "policy_types": ["Ingress", "Egress"]},
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"namespace": self.namespace})


@dataclass(frozen=True, kw_only=True)
class ObjectStoreArgs:
    """The S3 server of one team: `size` is the capacity of its volume, `image` that of versitygw.

    `namespace` is the team's, `system` that of the servers.
    """

    owner: Owner
    namespace: pulumi.Input[str]
    system: pulumi.Input[str]
    image: str
    size: str
    storage_class: str | None = None
    protect: bool = False
    retain: bool = False


def store_name(team: str) -> str:
    """Name of the server's objects, and of its host in the cluster."""
    return f"s3-{team}"


def bucket_name(team: str) -> str:
    return f"team-{team}"


def bucket_access(team: str, storage: str) -> BucketAccess:
    """How a team's workloads reach a storage on its server: a folder of its bucket."""
    return BucketAccess(
        uri=f"s3://{bucket_name(team)}/{storage}",
        region=REGION,
        endpoint=f"http://{store_name(team)}.{NAMESPACE}.svc:{PORT}",
        secret=CREDENTIALS,
    )


def server_spec(args: ObjectStoreArgs, credentials_id: pulumi.Input[str]) -> apps.DeploymentSpecArgsDict:
    """The Deployment. `credentials_id` changes with the credentials, which a process reads once."""
    name, bucket = store_name(args.owner.team), bucket_name(args.owner.team)
    data = Mount(claim=name, path=BUCKETS_ROOT, read_only=False)
    main = container(
        "server",
        Program(
            image=args.image,
            resources=RESOURCES,
            args=(
                f"--port=:{PORT}",
                f"--region={REGION}",
                f"--health={HEALTH}",
                "--quiet",
                # Without users of its own it would answer unknown keys with "not found" in place of "denied".
                "--iam-dir=/tmp",
                "posix",
                f"--sidecar={METADATA_ROOT}",
                BUCKETS_ROOT,
            ),
        ),
        variables={},
        secrets={
            "ROOT_ACCESS_KEY": SecretKey(secret=name, key=ACCESS_KEY_ID),
            "ROOT_SECRET_KEY": SecretKey(secret=name, key=SECRET_ACCESS_KEY),
        },
    )
    main["ports"] = [{"name": "s3", "container_port": PORT, "protocol": "TCP"}]
    main["readiness_probe"] = {"http_get": {"path": HEALTH, "port": "s3"}, "period_seconds": 2}
    main["liveness_probe"] = {"http_get": {"path": HEALTH, "port": "s3"}, "period_seconds": 10, "failure_threshold": 6}
    # A bucket is a folder below the root. The kubelet makes it, and with the root itself read-only nobody can make
    # another. What files cannot hold (types, tags, checksums) is in a folder beside it. Locks are of the process.
    main["volume_mounts"] = [
        *(main.get("volume_mounts") or []),  # pyright: ignore[reportGeneralTypeIssues]
        {"name": data.volume, "mount_path": f"{BUCKETS_ROOT}/{bucket}", "sub_path": f"buckets/{bucket}"},
        {"name": data.volume, "mount_path": METADATA_ROOT, "sub_path": "metadata"},
        {"name": TMP_VOLUME, "mount_path": f"{BUCKETS_ROOT}/.vgwlocks", "sub_path": "locks"},
    ]
    pod = pod_spec(main, service_account=name, placement=Placement(), resources=RESOURCES, mounts=(data,))
    selector = selector_labels(name=name, component=COMPONENT)
    return {
        "replicas": 1,
        "selector": {"match_labels": selector},
        # The volume is for one pod at a time.
        "strategy": {"type": "Recreate"},
        "revision_history_limit": 3,
        "template": {
            "metadata": {
                "labels": object_labels(args.owner, name=name, component=COMPONENT),
                "annotations": {"ml-platform/credentials": credentials_id},
            },
            "spec": pod,
        },
    }


def ingress_policy(owner: Owner, namespace: pulumi.Input[str]) -> networking.NetworkPolicySpecArgsDict:
    """Only workloads of the team reach its server."""
    return {
        "pod_selector": {"match_labels": selector_labels(name=store_name(owner.team), component=COMPONENT)},
        "policy_types": ["Ingress"],
        "ingress": [
            {
                "from_": [
                    {
                        "namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": namespace}},
                        "pod_selector": {
                            "match_expressions": [
                                {"key": "app.kubernetes.io/component", "operator": "In", "values": list(WORKLOADS)}
                            ]
                        },
                    }
                ],
                "ports": [{"protocol": "TCP", "port": "s3"}],
            }
        ],
    }


def way_to_store(team: str) -> list[networking.NetworkPolicyEgressRuleArgsDict]:
    """What a team's pods may send to, so that they reach its server."""
    return [
        {
            "to": [
                {
                    "namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": NAMESPACE}},
                    "pod_selector": {"match_labels": selector_labels(name=store_name(team), component=COMPONENT)},
                }
            ],
            "ports": [{"protocol": "TCP", "port": PORT}],
        }
    ]


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class ObjectStore(pulumi.ComponentResource):
    """A team's S3 server: it answers when this component is there, and opens to the keys of that team alone."""

    def __init__(self, name: str, args: ObjectStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:platform:ObjectStore", name, None, opts)
        server = store_name(args.owner.team)
        child = pulumi.ResourceOptions(parent=self)
        kept = pulumi.ResourceOptions(parent=self, protect=args.protect, retain_on_delete=args.retain)

        def metadata(object_name: str, namespace: pulumi.Input[str] = args.system) -> meta.ObjectMetaArgsDict:
            labels = object_labels(args.owner, name=server, component=COMPONENT)
            return {"name": object_name, "namespace": namespace, "labels": labels}

        # Drawn by the first run and kept by all that follow: in the state, where it is encrypted, and on the cluster.
        credentials = k8s.core.v1.Secret(
            f"{name}-credentials",
            metadata=metadata(server),
            data=pulumi.Output.secret(
                {
                    ACCESS_KEY_ID: encoded(args.owner.team),
                    SECRET_ACCESS_KEY: encoded(secrets.token_urlsafe(32)),
                }
            ),
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["data"]),
        )
        k8s.core.v1.Secret(
            f"{name}-team-credentials",
            metadata=metadata(CREDENTIALS, args.namespace),
            data=credentials.data,
            opts=child,
        )
        claim_spec: core.PersistentVolumeClaimSpecArgsDict = {
            "access_modes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": canonical_quantity(args.size)}},
        }
        if args.storage_class:
            claim_spec["storage_class_name"] = args.storage_class
        claim_metadata = metadata(server)
        # As for the claims of teams: most classes bind when the first pod comes.
        claim_metadata["annotations"] = {"pulumi.com/skipAwait": "true"}
        claim = k8s.core.v1.PersistentVolumeClaim(f"{name}-claim", metadata=claim_metadata, spec=claim_spec, opts=kept)
        service_metadata = metadata(server)
        # That the server answers is what the wait for the Deployment proves.
        service_metadata["annotations"] = {"pulumi.com/skipAwait": "true"}
        k8s.core.v1.Service(
            f"{name}-service",
            metadata=service_metadata,
            spec={
                "type": "ClusterIP",
                "selector": selector_labels(name=server, component=COMPONENT),
                "ports": [{"name": "s3", "port": PORT, "target_port": "s3", "protocol": "TCP"}],
            },
            opts=child,
        )
        account = k8s.core.v1.ServiceAccount(
            f"{name}-account", metadata=metadata(server), automount_service_account_token=False, opts=child
        )
        k8s.networking.v1.NetworkPolicy(
            f"{name}-policy",
            metadata=metadata(f"allow-{server}"),
            spec=ingress_policy(args.owner, args.namespace),
            opts=child,
        )
        # Of one server: a drained node may take it, and it comes back with its volume on another.
        k8s.policy.v1.PodDisruptionBudget(
            f"{name}-budget",
            metadata=metadata(server),
            spec=disruption_budget_spec(Disruption(), selector=selector_labels(name=server, component=COMPONENT)),
            opts=child,
        )
        k8s.apps.v1.Deployment(
            f"{name}-server",
            metadata=metadata(server),
            spec=server_spec(args, credentials.metadata.uid),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[account, claim]),
        )
        self.register_outputs({})
