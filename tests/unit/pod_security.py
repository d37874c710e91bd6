"""The `restricted` Pod Security Standard as a check of a pod spec, written from the standard's own table.

https://kubernetes.io/docs/concepts/security/pod-security-standards/ (controls of `baseline` and `restricted`
that a pod spec can break). The API server's own admission is the judge in the tests on a cluster; this one is
for unit tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

ALLOWED_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


def violations(pod: dict[str, Any]) -> list[str]:
    """What `restricted` forbids in a pod spec (with the names of manifests); empty when it passes."""
    return [
        *_pod_violations(pod),
        *(found for each in _containers(pod) for found in _violations_of(each, pod)),
    ]


def _containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        container for key in ("initContainers", "containers", "ephemeralContainers") for container in pod.get(key, [])
    ]


def _pod_violations(pod: dict[str, Any]) -> Iterator[str]:
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(key):
            yield key
    for volume in pod.get("volumes", []):
        if kinds := set(volume) - {"name"} - ALLOWED_VOLUMES:
            yield f"volume {volume['name']}: {', '.join(sorted(kinds))}"
    if pod.get("securityContext", {}).get("sysctls"):
        yield "sysctls"


def _violations_of(container: dict[str, Any], pod: dict[str, Any]) -> Iterator[str]:
    context, outer = container.get("securityContext", {}), pod.get("securityContext", {})
    name = container["name"]
    if context.get("privileged"):
        yield f"{name}: privileged"
    if context.get("allowPrivilegeEscalation") is not False:
        yield f"{name}: allowPrivilegeEscalation"
    capabilities = context.get("capabilities", {})
    if "ALL" not in capabilities.get("drop", []) or set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
        yield f"{name}: capabilities"
    if context.get("runAsNonRoot", outer.get("runAsNonRoot")) is not True:
        yield f"{name}: runAsNonRoot"
    if context.get("runAsUser", outer.get("runAsUser")) == 0:
        yield f"{name}: runAsUser"
    seccomp = context.get("seccompProfile", outer.get("seccompProfile", {})).get("type")
    if seccomp not in ("RuntimeDefault", "Localhost"):
        yield f"{name}: seccompProfile"
    if context.get("procMount", "Default") != "Default":
        yield f"{name}: procMount"
    if any(port.get("hostPort") for port in container.get("ports", [])):
        yield f"{name}: hostPort"
