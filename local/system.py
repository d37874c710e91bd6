"""What the machine itself must have: Linux, root, and a few Debian packages."""

import os
import platform
import shutil

from local import process
from local.errors import Failure
from local.paths import LOCAL
from local.progress import Steps

#: A program that shows that the package is there, and the Debian package that brings it.
PACKAGES = {
    "containerd": "containerd",
    "runc": "runc",
    "/usr/lib/cni/ptp": "containernetworking-plugins",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "ip": "iproute2",
    "sysctl": "procps",
    "mmdebstrap": "mmdebstrap",
    "buildah": "buildah",
    "catatonit": "catatonit",
}
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

ELSEWHERE = (
    "use a cluster that you have instead: set 'cluster: {kind: existing}' in Pulumi.dev.yaml and run 'pulumi up' "
    "(README, 'Your own cluster')"
)


def check_machine() -> None:
    """Refuse a machine on which the embedded cluster cannot run, before anything is made."""
    if platform.system() != "Linux":
        raise Failure(f"the embedded cluster needs Linux, this is {platform.system()}", ELSEWHERE)
    if platform.machine() not in ("x86_64", "aarch64"):
        raise Failure(f"the embedded cluster runs on x86-64 and arm64, this is {platform.machine()}", ELSEWHERE)
    if os.geteuid() != 0:
        raise Failure(
            "the embedded cluster needs root: it makes namespaces, mounts and cgroups",
            f"run the command as root, or {ELSEWHERE}",
        )


def missing_packages() -> list[str]:
    path = f"{os.environ.get('PATH', '')}:{_SYSTEM_PATH}"
    return sorted(package for program, package in PACKAGES.items() if shutil.which(program, path=path) is None)


def ensure_packages(steps: Steps) -> None:
    """Install the missing Debian packages; nothing is touched when all are there."""
    missing = missing_packages()
    if not missing:
        return
    if shutil.which("apt-get") is None:
        raise Failure(
            f"these programs are missing and there is no apt-get: {', '.join(missing)}",
            "install them with the system's package manager (the names are Debian's)",
        )
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    # A package that starts a service would start a containerd beside ours: only its programs are wanted.
    environment["RUNLEVEL"] = "1"
    log = LOCAL / "log" / "packages.log"
    with steps.step(f"system packages: {' '.join(missing)}"):
        for words in (("update",), ("install", "--yes", "--no-install-recommends", *missing)):
            process.run(
                ["apt-get", "-q", *words],
                env=environment,
                log=log,
                what=f"apt-get {words[0]} failed",
                remedy=f"install {' '.join(missing)} by hand, then run the same command again",
            )
    if still := missing_packages():
        raise Failure(f"still missing after the installation: {', '.join(still)}", "install them by hand", log)
