"""The configuration files of the node's programs: pure functions from a node's addresses and paths to their text.

Inside the node the programs find their state where they expect it (`/var/lib`, `/run`); only the paths of the checkout
differ between machines.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from local.node.addresses import CLUSTER_DOMAIN, Addresses

PAUSE_IMAGE = "localhost/ml-platform/pause:1"
#: Where packets wait for the policy engine's verdict; the node's network namespace has queues of its own.
POLICY_QUEUE = 100
#: Where the node's mount namespace shows the cluster's state folder.
VAR_LIB = Path("/var/lib")


@dataclass(frozen=True, kw_only=True)
class Node:
    """What the configuration depends on. `programs` are the paths of the programs by their names."""

    name: str
    addresses: Addresses
    state: Path
    programs: Mapping[str, Path]
    logs: Path
    snapshotter: str
    cgroup: str

    @property
    def certificates(self) -> Path:
        return self.state / "pki"

    @property
    def settings(self) -> Path:
        return self.state / "settings"

    @property
    def run(self) -> Path:
        """The folder of the supervisor's socket."""
        return self.state / "run"


def yaml_text(value: object) -> str:
    return yaml.safe_dump(value, sort_keys=False)


def containerd(node: Node) -> str:
    """containerd's settings, version 2 of the format (1.6 reads it, 2.x migrates it)."""
    return f"""\
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
# The machine may lack CAP_SYS_RESOURCE: no program here lowers its OOM score.
oom_score = 0

[grpc]
address = "/run/containerd/containerd.sock"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE_IMAGE}"
restrict_oom_score_adj = true
stream_server_address = "127.0.0.1"

[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "{node.snapshotter}"
default_runtime_name = "runc"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "{node.settings}/cni"
"""


def cni(node: Node) -> str:
    """One routed veth pair a pod (`ptp`): all pod traffic passes the node's iptables, with no bridge in between."""
    return json.dumps(
        {
            "cniVersion": "0.4.0",
            "name": "ml-platform",
            "plugins": [
                {
                    "type": "ptp",
                    "ipMasq": False,
                    "ipam": {
                        "type": "host-local",
                        "ranges": [[{"subnet": str(node.addresses.pods)}]],
                        "routes": [{"dst": "0.0.0.0/0"}],
                        # Leases go with the node's namespaces: a pod never outlives them.
                        "dataDir": "/run/cni",
                    },
                },
                {"type": "portmap", "capabilities": {"portMappings": True}},
            ],
        },
        indent=2,
    )


def kubelet(node: Node) -> str:
    certificates = node.certificates
    return yaml_text(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": node.addresses.node,
            "healthzBindAddress": "127.0.0.1",
            "readOnlyPort": 0,
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(certificates / "cluster.crt")},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": str(certificates / "kubelet-server.crt"),
            "tlsPrivateKeyFile": str(certificates / "kubelet-server.key"),
            "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": node.cgroup,
            "failCgroupV1": False,
            "failSwapOn": False,
            "oomScoreAdj": 0,
            "clusterDNS": [node.addresses.dns_service],
            "clusterDomain": CLUSTER_DOMAIN,
            "resolvConf": str(node.settings / "resolv.conf"),
            # Images come from files, not from a registry: one that is collected is gone for good.
            "imageGCHighThresholdPercent": 100,
            "imageGCLowThresholdPercent": 99,
            "evictionHard": {
                "memory.available": "200Mi",
                "nodefs.available": "1Gi",
                "imagefs.available": "1Gi",
            },
            "enforceNodeAllocatable": ["pods"],
            "shutdownGracePeriod": "0s",
            "rotateCertificates": False,
            # Short intervals: on one node they cost nothing, and they are what a person waits for.
            "syncFrequency": "10s",
            "nodeStatusUpdateFrequency": "5s",
            "configMapAndSecretChangeDetectionStrategy": "Watch",
        }
    )


def kube_proxy(node: Node) -> str:
    return yaml_text(
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "clientConnection": {"kubeconfig": str(node.settings / "kube-proxy.kubeconfig")},
            "mode": "iptables",
            # With the machine's end of the link: answers to it pass the node as requests do, so nothing is masqueraded.
            # A masqueraded connection gets a random port, now and then one that a pod still remembers.
            "clusterCIDR": str(node.addresses.whole),
            "hostnameOverride": node.name,
            "healthzBindAddress": "127.0.0.1:10256",
            "metricsBindAddress": "127.0.0.1:10249",
            "oomScoreAdj": 0,
            # These kernel settings are not a network namespace's own: leave the machine's as they are.
            "conntrack": {
                "maxPerCore": 0,
                "min": 0,
                "tcpEstablishedTimeout": "0s",
                "tcpCloseWaitTimeout": "0s",
            },
            "iptables": {"localhostNodePorts": False, "minSyncPeriod": "100ms"},
            "nodePortAddresses": [f"{node.addresses.node}/32"],
        }
    )


def audit_policy() -> str:
    """Who changed what, without request bodies: secrets never reach the log."""
    return yaml_text(
        {
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "omitStages": ["RequestReceived"],
            "rules": [
                {
                    "level": "None",
                    "resources": [
                        {"group": "coordination.k8s.io", "resources": ["leases"]},
                        {"group": "", "resources": ["events"]},
                        # Questions who may do what: they change nothing.
                        {"group": "authorization.k8s.io", "resources": []},
                    ],
                },
                {"level": "Metadata", "verbs": ["create", "update", "patch", "delete", "deletecollection"]},
                {"level": "None"},
            ],
        }
    )


def encryption(secret: str) -> str:
    """Secrets are encrypted in etcd; `secret` is 32 random bytes in base64."""
    return yaml_text(
        {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "EncryptionConfiguration",
            "resources": [
                {
                    "resources": ["secrets"],
                    "providers": [
                        {"secretbox": {"keys": [{"name": "first", "secret": secret}]}},
                        {"identity": {}},
                    ],
                }
            ],
        }
    )
