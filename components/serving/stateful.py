"""Serving as a StatefulSet: replicas that keep data, each with a name and a volume of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as k8s

from components.labels import COMPONENT_LABEL, NAME_LABEL, selector_labels
from components.pods import container
from components.quantities import canonical_quantity
from components.serving import server
from components.serving.backup import COMPONENT as BACKUP
from components.serving.backup import Backup, Backups, BackupsArgs
from components.serving.served import Served
from components.storage.volume import VolumeClaim, VolumeClaimArgs
from components.workload import Workload

if TYPE_CHECKING:
    from pulumi_kubernetes.apps import v1 as apps
    from pulumi_kubernetes.core import v1 as core
    from pulumi_kubernetes.networking import v1 as networking

VOLUME = "data"
# Label of the headless Service: Prometheus reads the pods through the other one.
PEERS = "serving-peers"


@dataclass(frozen=True, kw_only=True)
class Volume:
    """The volume of each replica, mounted at `path`. `storage_class` None: the cluster's default class.

    With `protect` Pulumi refuses to delete a claim; with `retain` claim and data stay when the stack drops them.
    """

    size: str
    path: str
    storage_class: str | None = None
    protect: bool = False
    retain: bool = False


@dataclass(frozen=True, kw_only=True)
class StatefulServerArgs(server.ServerArgs):
    """A server whose replicas keep data."""

    volume: Volume
    backup: Backup | None = None


def peers_name(entry: str) -> str:
    """The headless Service, which gives each replica an address of its own: `features-0.features-peers`."""
    return f"{entry}-peers"


def claim_name(entry: str, replica: int) -> str:
    """The claim that a StatefulSet looks for."""
    return f"{VOLUME}-{entry}-{replica}"


def peers(args: StatefulServerArgs) -> str:
    """The URLs of all replicas in their order, separated by commas."""
    return ",".join(
        f"http://{args.entry}-{replica}.{peers_name(args.entry)}:{args.port}" for replica in range(args.replicas)
    )


def stateful_container(args: StatefulServerArgs) -> core.ContainerArgsDict:
    main = container(
        "server", args.program, variables={"PORT": str(args.port), "DATA_DIR": args.volume.path, "PEERS": peers(args)}
    )
    # Which of the replicas it is: the name of its pod.
    own_name: core.EnvVarArgsDict = {"name": "REPLICA", "value_from": {"field_ref": {"field_path": "metadata.name"}}}
    made: Any = main
    made["env"].append(own_name)
    made["volume_mounts"].append({"name": VOLUME, "mount_path": args.volume.path})
    server.answer_and_drain(main, args)
    return main


def claim_template(args: StatefulServerArgs) -> core.PersistentVolumeClaimArgsDict:
    spec: core.PersistentVolumeClaimSpecArgsDict = {
        "access_modes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": canonical_quantity(args.volume.size)}},
    }
    if args.volume.storage_class is not None:
        spec["storage_class_name"] = args.volume.storage_class
    return {"metadata": {"name": VOLUME, "labels": args.labels}, "spec": spec}


def stateful_spec(args: StatefulServerArgs) -> apps.StatefulSetSpecArgsDict:
    """The StatefulSet: one replica after the other starts, and is replaced from the last to the first."""
    return {
        "service_name": peers_name(args.entry),
        "replicas": args.replicas,
        "selector": {"match_labels": args.selector},
        "pod_management_policy": "OrderedReady",
        "update_strategy": {"type": "RollingUpdate"},
        "min_ready_seconds": server.MIN_READY_SECONDS,
        "revision_history_limit": 3,
        # The claims are this program's own: it decides what becomes of them.
        "persistent_volume_claim_retention_policy": {"when_deleted": "Retain", "when_scaled": "Retain"},
        "volume_claim_templates": [claim_template(args)],
        "template": server.pod_template(args, stateful_container(args), (), revisions=False),
    }


def peers_policy(args: StatefulServerArgs) -> networking.NetworkPolicySpecArgsDict:
    """The NetworkPolicy that lets the replicas and their backups reach each other, on any port."""
    replicas: networking.NetworkPolicyPeerArgsDict = {"pod_selector": {"match_labels": args.selector}}
    return {
        "pod_selector": {
            "match_labels": {NAME_LABEL: args.entry},
            "match_expressions": [{"key": COMPONENT_LABEL, "operator": "In", "values": [server.COMPONENT, BACKUP]}],
        },
        "policy_types": ["Ingress", "Egress"],
        "ingress": [{"from_": [replicas]}],
        "egress": [{"to": [replicas]}],
    }


class StatefulServer(Served):
    """A server that keeps data behind an HTTP address. A lost pod comes back with its name and its volume."""

    def __init__(self, name: str, args: StatefulServerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:serving:StatefulServer", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        account = server.service_account(name, args, child)
        service = server.service(name, args, child)
        headless_metadata = args.metadata(peers_name(args.entry))
        headless_metadata["labels"] = {**args.labels, **selector_labels(name=args.entry, component=PEERS)}
        headless_metadata["annotations"] = {"pulumi.com/skipAwait": "true"}
        headless = k8s.core.v1.Service(
            f"{name}-peers",
            metadata=headless_metadata,
            spec={
                "type": "ClusterIP",
                "cluster_ip": "None",
                # A replica that starts may need the others, and they it.
                "publish_not_ready_addresses": True,
                "selector": args.selector,
                "ports": [{"name": server.HTTP, "port": args.port, "target_port": server.HTTP, "protocol": "TCP"}],
            },
            opts=child,
        )
        k8s.networking.v1.NetworkPolicy(
            f"{name}-peers-policy",
            metadata=args.metadata(peers_name(args.entry)),
            spec=peers_policy(args),
            opts=child,
        )
        claims = [
            VolumeClaim(
                f"{name}-volume-{replica}",
                VolumeClaimArgs(
                    owner=args.owner,
                    namespace=args.namespace,
                    storage=claim_name(args.entry, replica),
                    size=args.volume.size,
                    storage_class=args.volume.storage_class,
                    protect=args.volume.protect,
                    retain=args.volume.retain,
                ),
                child,
            )
            for replica in range(args.replicas)
        ]
        patience = args.replicas * (args.probes.startup_seconds + server.PROGRESS_MARGIN_SECONDS)
        made = k8s.apps.v1.StatefulSet(
            f"{name}-set",
            metadata=args.metadata(),
            spec=stateful_spec(args),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[account, headless, *claims, *args.after],
                # A larger volume is a change of the claims; the template only makes those that somebody deleted.
                ignore_changes=["spec.volumeClaimTemplates"],
                custom_timeouts=pulumi.CustomTimeouts(create=f"{patience}s", update=f"{patience}s", delete="10m"),
            ),
        )
        if args.backup is not None:
            backups = BackupsArgs(server=args, backup=args.backup, peers=peers(args))
            Backups(f"{name}-backups", backups, child)
        self.workload = Workload(kind="StatefulSet", name=made.metadata.name)
        self.service = service.metadata.name
        self.autoscaler = None
        server.disruption_budget(name, args, child)
        self.url = args.cluster.exposure.url(service)
        self.register_outputs({"url": self.url})
