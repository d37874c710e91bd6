"""A Kubernetes cluster as the platform sees it: a provider, and the few things in which clusters differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import yaml

from components.exposure import ClusterAddress, Exposure
from components.own_storage import OwnStorage
from components.platform.connection import Connection
from components.platform.sources import Sources
from components.traffic import Traffic

# The provider's own defaults (50 requests a second, bursts of 120) make a stack of some hundred objects wait
# for its client, not for the API server, which has priority-and-fairness queues of its own.
CLIENT_SETTINGS: k8s.KubeClientSettingsArgsDict = {"qps": 200, "burst": 400, "timeout": 60}


KUBECONFIG_REMEDY = "Point `cluster.kubeconfig` or KUBECONFIG to a kubeconfig file."


class KubeconfigError(pulumi.RunError):
    """A kubeconfig that cannot be used. The message names the file and the remedy."""


@dataclass(frozen=True, kw_only=True)
class KubeContext:
    """One context of a kubeconfig: its name, and the URL of its API server."""

    name: str
    server: str


def kube_context(kubeconfig: str, *, context: str | None = None, source: str = "kubeconfig") -> KubeContext:
    """The named context of a kubeconfig's text, or its current one. `source` is what error messages call it.

    Raises KubeconfigError when the text is not a kubeconfig, or has no such context or no cluster for it.
    """
    try:
        parsed: Any = yaml.safe_load(kubeconfig)
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise KubeconfigError(f"{source}: not YAML ({reason}). {KUBECONFIG_REMEDY}") from None
    if not isinstance(parsed, dict):
        raise KubeconfigError(f"{source}: not a kubeconfig. {KUBECONFIG_REMEDY}")
    contexts, clusters = _named(parsed, "contexts", "context"), _named(parsed, "clusters", "cluster")
    name: Any = context or parsed.get("current-context") or None
    if name not in contexts:
        known = ", ".join(sorted(contexts)) or "none"
        wanted = f"no context {name!r}" if name else "no current context"
        raise KubeconfigError(f"{source}: {wanted}. Set `cluster.context` to one of its contexts: {known}.")
    cluster = contexts[name].get("cluster")
    server = clusters.get(cluster, {}).get("server")
    if not isinstance(server, str):
        raise KubeconfigError(
            f"{source}: context {name!r} has no server: its cluster {cluster!r} is missing or incomplete. "
            "Correct the file, or set `cluster.context` to another context."
        )
    return KubeContext(name=str(name), server=server)


def _named(kubeconfig: Mapping[str, Any], section: str, key: str) -> dict[Any, dict[str, Any]]:
    """The entries of a section by name; what has not the form of an entry is left out."""
    entries: Any = kubeconfig.get(section)
    return {
        entry["name"]: entry[key]
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict) and isinstance(entry.get("name"), str) and isinstance(entry.get(key), dict)
    }


def read_kubeconfig(path: Path) -> str:
    """The text of a kubeconfig file. Raises KubeconfigError when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise KubeconfigError(
            f"{path}: cannot read the kubeconfig ({error}). Start the embedded cluster with `make cluster`, "
            "or point `cluster.kubeconfig` or KUBECONFIG to the file of another cluster."
        ) from None


@dataclass(frozen=True, kw_only=True)
class ClusterArgs:
    """What makes one cluster differ from another.

    `identifier` is the cluster's identity: a changed one means another cluster, and every object is made anew
    there. All else may change without a replacement. `kubeconfig` is a path or the text of a kubeconfig. `after`
    is what must be there before any object, and be gone after all of them, such as the nodes. `sources` is
    where charts, manifests and images of the catalog come from, `own_storage` what its stack has made for storages.
    `secret_readers` are the roles by which External Secrets reads the teams' entries, where teams have such.
    `pod_traffic` is what every pod of a team has to be allowed on this kind of cluster, such as to ask for its cloud
    identity.
    """

    identifier: str
    kind: str
    server: pulumi.Input[str]
    kubeconfig: pulumi.Input[str]
    context: str | None = None
    storage_class: str | None = None
    exposure: Exposure = field(default_factory=ClusterAddress)
    sources: Sources = field(default_factory=Sources)
    own_storage: OwnStorage = field(default_factory=OwnStorage)
    pod_traffic: tuple[Traffic, ...] = ()
    secret_readers: Mapping[str, pulumi.Output[str]] = field(default_factory=dict[str, pulumi.Output[str]])
    after: tuple[pulumi.Resource, ...] = ()


class Cluster(pulumi.ComponentResource):
    """A cluster that workloads can be put on, without asking what kind of cluster it is.

    `storage_class` is the class of volumes that name none (None: the cluster's default class), `exposure` how
    a Service becomes reachable.
    """

    provider: k8s.Provider
    connection: Connection
    name: str
    kind: str
    server: pulumi.Output[str]
    storage_class: str | None
    exposure: Exposure
    sources: Sources
    own_storage: OwnStorage
    pod_traffic: tuple[Traffic, ...]
    secret_readers: Mapping[str, pulumi.Output[str]]

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:cluster:Cluster", name, None, opts)
        self.provider = k8s.Provider(
            f"{name}-provider",
            kubeconfig=args.kubeconfig,
            context=args.context,
            cluster_identifier=args.identifier,
            enable_server_side_apply=True,
            kube_client_settings=CLIENT_SETTINGS,
            # Said, not left to environment variables of whoever runs the program: a cluster that does not
            # answer must never look like one whose objects are gone. Data in ConfigMaps changes only with a new
            # name. A Secret keeps its name, by which others know it; its version makes new pods where they read it.
            delete_unreachable=False,
            skip_update_unreachable=False,
            enable_config_map_mutable=False,
            enable_secret_mutable=True,
            opts=pulumi.ResourceOptions(parent=self, depends_on=args.after),
        )
        self.connection = Connection(kubeconfig=args.kubeconfig, context=args.context)
        self.name = args.identifier
        self.kind = args.kind
        self.server = pulumi.Output.from_input(args.server)
        self.storage_class = args.storage_class
        self.exposure = args.exposure
        self.sources = args.sources
        self.own_storage = args.own_storage
        self.pod_traffic = args.pod_traffic
        self.secret_readers = args.secret_readers
        self.register_outputs({"server": self.server})
