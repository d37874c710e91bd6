"""Who has a certificate in a cluster, and the kubeconfigs of those who ask the API server."""

from base64 import b64encode

from local.node import pki
from local.node.addresses import CLUSTER_DOMAIN, Addresses
from local.node.settings import Node, yaml_text

Identity = pki.Identity


def clients(node: str) -> list[Identity]:
    """Who asks the API server of the node of this name."""
    return [
        Identity(file="admin", common_name="ml-platform-admin", organization="system:masters"),
        Identity(file="kubelet", common_name=f"system:node:{node}", organization="system:nodes"),
        *(
            Identity(file=name, common_name=f"system:{name}")
            for name in ("kube-controller-manager", "kube-scheduler", "kube-proxy")
        ),
        *(Identity(file=name, common_name=f"ml-platform:{name}") for name in ("kwok", "network-policies")),
    ]


def _servers(node: str, network: Addresses) -> list[Identity]:
    names = (
        *("kubernetes", "kubernetes.default", "kubernetes.default.svc", f"kubernetes.default.svc.{CLUSTER_DOMAIN}"),
        *("localhost", "127.0.0.1", network.node, network.api_service),
    )
    return [
        Identity(file="apiserver", common_name="kube-apiserver", names=names),
        Identity(file="apiserver-kubelet-client", common_name="kube-apiserver-kubelet-client"),
        Identity(file="kubelet-server", common_name=node, names=(node, network.node)),
        Identity(file="metrics-server", common_name="metrics-server", names=("metrics-server.kube-system.svc",)),
    ]


def write(node: Node) -> None:
    """Issue every certificate that is missing, is about to expire or has become wrong."""
    cluster = pki.Authority(node.certificates, "cluster")
    etcd = pki.Authority(node.certificates, "etcd")
    front_proxy = pki.Authority(node.certificates, "front-proxy")
    pki.service_account_keys(node.certificates)
    etcd.issue(Identity(file="etcd-server", common_name="etcd", names=("localhost", "127.0.0.1")))
    etcd.issue(Identity(file="apiserver-etcd-client", common_name="kube-apiserver"))
    front_proxy.issue(Identity(file="front-proxy-client", common_name="front-proxy-client"))
    for identity in [*_servers(node.name, node.addresses), *clients(node.name)]:
        cluster.issue(identity)


def kubeconfig(node: Node, identity: str) -> str:
    """The kubeconfig of one of the `clients`, with the certificates in it."""

    def encoded(file: str) -> str:
        return b64encode((node.certificates / file).read_bytes()).decode()

    name = node.name
    cluster = {"server": node.addresses.server, "certificate-authority-data": encoded("cluster.crt")}
    user = {"client-certificate-data": encoded(f"{identity}.crt"), "client-key-data": encoded(f"{identity}.key")}
    return yaml_text(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [{"name": name, "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        }
    )
