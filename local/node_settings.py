"""What the node's programs are told: pure functions from addresses and paths to files and command lines.

The node is one Kubernetes node, all of whose programs run in namespaces of their own (`local/node.py`). Inside it the
state lies where these programs expect it (`/var/lib`, `/run`); only the paths of the checkout differ between machines.
"""

import configparser
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from local.network import CLUSTER_DOMAIN, Addresses

PAUSE_IMAGE = "localhost/ml-platform/pause:1"
#: Where packets wait for the policy engine's verdict; the node's network namespace has queues of its own.
POLICY_QUEUE = 100
#: Where the node's mount namespace shows the cluster's state folder.
VAR_LIB = Path("/var/lib")


@dataclass(frozen=True, kw_only=True)
class Node:
    """All that the settings depend on."""

    name: str
    addresses: Addresses
    certificates: Path
    settings: Path
    programs: Mapping[str, Path]
    logs: Path
    snapshotter: str
    cgroup: str


def yaml_text(value: object) -> str:
    return yaml.safe_dump(value, sort_keys=False)


def kubeconfig(server: str, authority: bytes, certificate: bytes, key: bytes, name: str) -> dict[str, Any]:
    """A kubeconfig with everything in it, for one user of one cluster."""
    import base64

    def text(data: bytes) -> str:
        return base64.b64encode(data).decode()

    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": server, "certificate-authority-data": text(authority)}}],
        "users": [
            {
                "name": name,
                "user": {"client-certificate-data": text(certificate), "client-key-data": text(key)},
            }
        ],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }


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


def policy_rules(network: Addresses) -> list[str]:
    """iptables rules that send the first packet of every connection of a pod to the policy engine, and wait for it.

    They stand before the first pod does. While the engine does not run, the kernel drops what would go to it: pods
    then open no connections, rather than connections that no policy allows.
    """
    judged = "POD-POLICIES"
    return [
        f"iptables -t mangle -N {judged}",
        f"iptables -t mangle -A {judged} -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN",
        # The kubelet's probes, and the API server's requests to webhooks and aggregated APIs.
        f"iptables -t mangle -A {judged} -m addrtype --src-type LOCAL -j RETURN",
        # A resolver sends two queries at once from one port. Before Linux 6.12 the kernel drops one of two such packets
        # that both wait for a verdict, which costs five seconds. So whoever asks the cluster's DNS may.
        f"iptables -t mangle -A {judged} -p udp --dport 53 -m conntrack --ctorigdst {network.dns_service} -j RETURN",
        f"iptables -t mangle -A {judged} -j NFQUEUE --queue-num {POLICY_QUEUE}",
        # After the Service's address became a pod's, and before any address is masked.
        *(f"iptables -t mangle -A POSTROUTING {end} {network.pods} -j {judged}" for end in ("-s", "-d")),
        # To the node itself: the API server, the kubelet.
        f"iptables -t mangle -A INPUT -s {network.pods} -j {judged}",
    ]


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


def commands(node: Node) -> dict[str, list[str]]:
    """The command line of every program of the node, in the order in which they depend on each other."""
    pki, settings, network = node.certificates, node.settings, node.addresses
    programs = {name: str(path) for name, path in node.programs.items()}

    def flags(**values: str | int | bool | Path) -> list[str]:
        return [
            f"--{name.replace('_', '-')}={str(value).lower() if isinstance(value, bool) else value}"
            for name, value in values.items()
        ]

    return {
        "etcd": [
            programs["etcd"],
            *flags(
                name=node.name,
                data_dir=VAR_LIB / "etcd",
                listen_client_urls="https://127.0.0.1:2379",
                advertise_client_urls="https://127.0.0.1:2379",
                listen_peer_urls="https://127.0.0.1:2380",
                initial_advertise_peer_urls="https://127.0.0.1:2380",
                initial_cluster=f"{node.name}=https://127.0.0.1:2380",
                client_cert_auth=True,
                trusted_ca_file=pki / "etcd.crt",
                cert_file=pki / "etcd-server.crt",
                key_file=pki / "etcd-server.key",
                peer_client_cert_auth=True,
                peer_trusted_ca_file=pki / "etcd.crt",
                peer_cert_file=pki / "etcd-server.crt",
                peer_key_file=pki / "etcd-server.key",
                log_level="warn",
                auto_compaction_retention="1h",
            ),
        ],
        "kube-apiserver": [
            programs["kube-apiserver"],
            *flags(
                bind_address=network.node,
                advertise_address=network.node,
                secure_port=6443,
                service_cluster_ip_range=str(network.services),
                etcd_servers="https://127.0.0.1:2379",
                etcd_cafile=pki / "etcd.crt",
                etcd_certfile=pki / "apiserver-etcd-client.crt",
                etcd_keyfile=pki / "apiserver-etcd-client.key",
                client_ca_file=pki / "cluster.crt",
                tls_cert_file=pki / "apiserver.crt",
                tls_private_key_file=pki / "apiserver.key",
                kubelet_client_certificate=pki / "apiserver-kubelet-client.crt",
                kubelet_client_key=pki / "apiserver-kubelet-client.key",
                kubelet_certificate_authority=pki / "cluster.crt",
                kubelet_preferred_address_types="InternalIP",
                service_account_issuer=f"https://kubernetes.default.svc.{CLUSTER_DOMAIN}",
                service_account_key_file=pki / "service-accounts.pub",
                service_account_signing_key_file=pki / "service-accounts.key",
                requestheader_client_ca_file=pki / "front-proxy.crt",
                requestheader_allowed_names="front-proxy-client",
                requestheader_extra_headers_prefix="X-Remote-Extra-",
                requestheader_group_headers="X-Remote-Group",
                requestheader_username_headers="X-Remote-User",
                proxy_client_cert_file=pki / "front-proxy-client.crt",
                proxy_client_key_file=pki / "front-proxy-client.key",
                enable_aggregator_routing=True,
                anonymous_auth=False,
                # As on any other cluster; who may is the Pod Security Standard of each namespace.
                allow_privileged=True,
                authorization_mode="Node,RBAC",
                enable_admission_plugins="NodeRestriction",
                encryption_provider_config=settings / "encryption.yaml",
                audit_policy_file=settings / "audit-policy.yaml",
                audit_log_path=node.logs / "audit.log",
                audit_log_maxsize=50,
                audit_log_maxbackup=2,
                profiling=False,
                event_ttl="24h",
            ),
        ],
        "kube-controller-manager": [
            programs["kube-controller-manager"],
            *flags(
                bind_address="127.0.0.1",
                kubeconfig=settings / "kube-controller-manager.kubeconfig",
                authentication_kubeconfig=settings / "kube-controller-manager.kubeconfig",
                authorization_kubeconfig=settings / "kube-controller-manager.kubeconfig",
                client_ca_file=pki / "cluster.crt",
                requestheader_client_ca_file=pki / "front-proxy.crt",
                root_ca_file=pki / "cluster.crt",
                service_account_private_key_file=pki / "service-accounts.key",
                use_service_account_credentials=True,
                # Pods get their addresses from the CNI's own range, not from a range a node.
                allocate_node_cidrs=False,
                leader_elect=False,
                horizontal_pod_autoscaler_sync_period="5s",
                # The default of 20 requests a second makes hundreds of Jobs wait for the client, not for the cluster.
                kube_api_qps=200,
                kube_api_burst=400,
                profiling=False,
            ),
        ],
        "kube-scheduler": [
            programs["kube-scheduler"],
            *flags(
                bind_address="127.0.0.1",
                kubeconfig=settings / "kube-scheduler.kubeconfig",
                authentication_kubeconfig=settings / "kube-scheduler.kubeconfig",
                authorization_kubeconfig=settings / "kube-scheduler.kubeconfig",
                client_ca_file=pki / "cluster.crt",
                requestheader_client_ca_file=pki / "front-proxy.crt",
                leader_elect=False,
                profiling=False,
            ),
        ],
        "containerd": ["containerd", *flags(config=settings / "containerd.toml", log_level="warn")],
        "kubelet": [
            programs["kubelet"],
            *flags(
                config=settings / "kubelet.yaml",
                kubeconfig=settings / "kubelet.kubeconfig",
                root_dir=VAR_LIB / "kubelet",
                cert_dir=VAR_LIB / "kubelet/pki",
                hostname_override=node.name,
                node_ip=network.node,
                node_labels="ml-platform/node=embedded",
            ),
        ],
        "kube-proxy": [programs["kube-proxy"], *flags(config=settings / "kube-proxy.yaml")],
        "network-policies": [
            programs["network-policies"],
            *flags(
                kubeconfig=settings / "network-policies.kubeconfig",
                hostname_override=node.name,
                pod_cidr=str(network.pods),
                queue=POLICY_QUEUE,
            ),
        ],
        "kwok": [
            programs["kwok"],
            *flags(
                config=settings / "kwok.yaml",
                kubeconfig=settings / "kwok.kubeconfig",
                manage_all_nodes=False,
                manage_nodes_with_annotation_selector="kwok.x-k8s.io/node=fake",
                node_ip=network.node,
                server_address="127.0.0.1:10247",
                node_lease_duration_seconds=40,
            ),
        ],
    }


def supervisor(node: Node, run: Path) -> str:
    """The settings of supervisord, the node's first process: it starts every program and restarts one that ends."""
    parser = configparser.RawConfigParser()
    parser["unix_http_server"] = {"file": str(run / "supervisor.sock"), "chmod": "0700"}
    parser["supervisord"] = {
        "nodaemon": "true",
        "user": "root",
        "logfile": str(node.logs / "supervisord.log"),
        "logfile_maxbytes": "5MB",
        "logfile_backups": "1",
        "pidfile": str(run / "supervisord.pid"),
        "childlogdir": str(node.logs),
    }
    parser["rpcinterface:supervisor"] = {
        "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
    }
    parser["supervisorctl"] = {"serverurl": f"unix://{run}/supervisor.sock"}
    for priority, (name, command) in enumerate(commands(node).items(), start=1):
        parser[f"program:{name}"] = {
            # supervisord expands %(...)s in a command line.
            "command": " ".join(word.replace("%", "%%") for word in command),
            "priority": str(priority),
            "autorestart": "true",
            "startsecs": "1",
            # A program may have to wait for the one it needs: a second more after each failure.
            "startretries": "20",
            "stopwaitsecs": "10",
            "stdout_logfile": str(node.logs / f"{name}.log"),
            "redirect_stderr": "true",
            "stdout_logfile_maxbytes": "20MB",
            "stdout_logfile_backups": "1",
        }
    text = io.StringIO()
    parser.write(text)
    return text.getvalue()
