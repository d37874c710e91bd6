"""What the machine itself must have: Linux, root, and a few Debian packages."""

import os
import platform
import shutil

from local import process
from local.errors import Failure
from local.node.addresses import cluster_range
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


def complete_path() -> None:
    """Put the system's folders at the end of PATH: after a plain `su`, root's lacks /usr/sbin with iptables."""
    there = os.environ.get("PATH", "").split(":")
    os.environ["PATH"] = ":".join(dict.fromkeys([*filter(None, there), *_SYSTEM_PATH.split(":")]))


def bypass_proxies() -> None:
    """Have the programs that are started here reach the embedded clusters directly, whatever proxy the machine uses."""
    for name in ("NO_PROXY", "no_proxy"):
        there = os.environ.get(name, "").split(",")
        os.environ[name] = ",".join(dict.fromkeys([*filter(None, there), cluster_range()]))


def missing_packages() -> list[str]:
    return sorted(package for program, package in PACKAGES.items() if shutil.which(program) is None)


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
    environment = os.environ | {
        "DEBIAN_FRONTEND": "noninteractive",
        # Only the programs are wanted: the package's own service would run a containerd beside ours.
        "RUNLEVEL": "1",
        "SYSTEMD_OFFLINE": "1",
    }
    # A machine that was just started may hold apt's lock for its own updates; a killed run may have left dpkg half-way.
    patient = ("apt-get", "-q", "-o", "DPkg::Lock::Timeout=300")
    commands = (
        (*patient, "update"),
        ("dpkg", "--configure", "-a"),
        (*patient, "install", "--yes", "--no-install-recommends", *missing),
    )
    log = LOCAL / "log" / "packages.log"
    with steps.step(f"system packages: {' '.join(missing)}"):
        for command in commands:
            process.run(
                command,
                env=environment,
                log=log,
                what="the system packages could not be installed",
                remedy=f"install {' '.join(missing)} by hand, then run the same command again",
            )
    if still := missing_packages():
        raise Failure(f"still missing after the installation: {', '.join(still)}", "install them by hand", log)
