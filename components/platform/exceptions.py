"""The platform's pods that do not pass the `restricted` Pod Security Standard, and why each has to be let off.

A list to be read by people: whoever adds a workload to a namespace below `restricted` adds its line here. A test
compares it with what the stacks really make, both ways.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from components import namespaces

Need = Literal[
    "hostPath",
    "hostNetwork",
    "hostPID",
    "hostPort",
    "privileged",
    "root",
    "capability SYS_ADMIN",
    "writable root file system",
]


@dataclass(frozen=True, kw_only=True)
class PodSecurityException:
    """One workload, what it needs beyond `restricted`, and the reason, a sentence.

    `workload` is the object's name, or its prefix where several are made from one pattern and `prefix` is true.
    """

    namespace: str
    workload: str
    needs: tuple[Need, ...]
    why: str
    prefix: bool = False

    def covers(self, namespace: str, workload: str) -> bool:
        """Whether this is the exception of that object."""
        named = workload.startswith(self.workload) if self.prefix else workload == self.workload
        return namespace == self.namespace and named


EXCEPTIONS: tuple[PodSecurityException, ...] = (
    PodSecurityException(
        namespace=namespaces.MONITORING_NODES,
        workload="node-exporter",
        needs=("hostPath",),
        why="It measures the node's disks and kernel, which it reads from the node's own file systems.",
    ),
    PodSecurityException(
        namespace=namespaces.LOGGING_NODES,
        workload="opentelemetry-collector",
        prefix=True,
        needs=("hostPath", "root"),
        why="It reads the log files of all containers from the node's disk, where they belong to root.",
    ),
    PodSecurityException(
        namespace=namespaces.GPU,
        workload="nvidia-device-plugin",
        prefix=True,
        needs=("hostPath", "root", "capability SYS_ADMIN"),
        why="It offers GPUs through a socket in the kubelet's own folder, which belongs to root. SYS_ADMIN only where "
        "GPUs are partitioned (MIG), whose devices nobody else may see.",
    ),
    PodSecurityException(
        namespace=namespaces.GPU,
        workload="dcgm-exporter",
        needs=("hostPath", "root", "capability SYS_ADMIN"),
        why="It reads the GPUs' profiling counters, which the driver gives to SYS_ADMIN only, and asks the kubelet's "
        "socket which pod has which GPU.",
    ),
)


def exception_for(namespace: str, workload: str) -> PodSecurityException | None:
    """The exception that covers an object, if one does."""
    return next((known for known in EXCEPTIONS if known.covers(namespace, workload)), None)


#: Namespaces below `restricted` for pods that no stack makes, but a controller of the cluster, and why.
OF_CONTROLLERS = {
    namespaces.GATEWAY: "A controller puts its proxies beside the Gateway. They pass `baseline`; not every "
    "controller's say all that `restricted` wants said.",
}
