"""The node's configuration on disk: written when it changes, and a digest of what the running programs were given."""

import hashlib
import secrets
from base64 import b64encode
from pathlib import Path

from local.node import certificates, programs, script, settings
from local.node.pki import write_private
from local.node.settings import Node
from local.paths import Instance

#: What becomes of pods on simulated nodes.
SIMULATED_PODS = Path(__file__).with_name("simulated-pods.yaml")


def write(node: Node, instance: Instance) -> None:
    """Write every configuration file, and the kubeconfig of the instance. Certificates have to be there."""
    for folder in (node.settings / "cni", node.run, instance.logs, instance.volumes):
        folder.mkdir(parents=True, exist_ok=True)
    # Keys, passphrases and data lie below it.
    for folder in (instance.folder, instance.state):
        folder.chmod(0o700)
    # Pods of any user write below it: each volume's own folder decides who may.
    instance.volumes.chmod(0o711)
    encryption = node.settings / "encryption.yaml"
    if not encryption.exists():
        write_private(encryption, settings.encryption(b64encode(secrets.token_bytes(32)).decode()).encode())
    for name, content in _contents(node).items():
        _write(node.settings / name, content)
    _write(instance.kubeconfig, certificates.kubeconfig(node, "admin"))


def _contents(node: Node) -> dict[str, str]:
    return {
        "containerd.toml": settings.containerd(node),
        "cni/10-ml-platform.conflist": settings.cni(node),
        "kubelet.yaml": settings.kubelet(node),
        "kube-proxy.yaml": settings.kube_proxy(node),
        "audit-policy.yaml": settings.audit_policy(),
        "kwok.yaml": SIMULATED_PODS.read_text(),
        "supervisord.conf": programs.supervisor(node),
        "resolv.conf": "",
        "enter.sh": script.enter(node),
    } | {
        f"{client.file}.kubeconfig": certificates.kubeconfig(node, client.file)
        for client in certificates.clients(node.name)
        if client.file != "admin"
    }


def _write(file: Path, content: str) -> None:
    if not file.exists() or file.read_text() != content:
        write_private(file, content.encode())


def digest(node: Node) -> str:
    """A digest of the configuration and the certificates: a node that runs with another one is started anew."""
    total = hashlib.sha256()
    for file in sorted([*node.settings.rglob("*"), *node.certificates.glob("*.crt")]):
        if file.is_file():
            total.update(f"{file.name}\0".encode() + file.read_bytes())
    return total.hexdigest()
