"""The command lines of the node's programs, and the settings of the supervisor that runs them. Pure functions."""

import configparser
import io
from pathlib import Path

from local.node.addresses import CLUSTER_DOMAIN
from local.node.settings import POLICY_QUEUE, VAR_LIB, Node


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


def supervisor(node: Node) -> str:
    """The settings of supervisord, the node's first process: it starts every program and restarts one that ends."""
    parser = configparser.RawConfigParser()
    parser["unix_http_server"] = {"file": str(node.run / "supervisor.sock"), "chmod": "0700"}
    parser["supervisord"] = {
        "nodaemon": "true",
        "user": "root",
        "logfile": str(node.logs / "supervisord.log"),
        "logfile_maxbytes": "5MB",
        "logfile_backups": "1",
        "pidfile": str(node.run / "supervisord.pid"),
        "childlogdir": str(node.logs),
    }
    parser["rpcinterface:supervisor"] = {
        "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
    }
    parser["supervisorctl"] = {"serverurl": f"unix://{node.run}/supervisor.sock"}
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
