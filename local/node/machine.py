"""What a node needs of the machine: folders that the node does not hide, free addresses, a file system for images."""

import re
import shutil
import subprocess
from pathlib import Path

from local.errors import Failure
from local.node import slots
from local.node.addresses import Addresses
from local.paths import ROOT, cache_folder

#: Folders that the node's mount namespace replaces with its own: a checkout or cache inside one would vanish there.
REPLACED = (Path("/var/lib"), Path("/run"), Path("/var/log"))


def check_folders() -> None:
    """Raise Failure when the checkout or the cache lies where the node's programs cannot use it."""
    for folder in (ROOT, cache_folder()):
        for replaced in REPLACED:
            if folder.is_relative_to(replaced):
                raise Failure(
                    f"{folder} lies in {replaced}, which the embedded node replaces for its programs",
                    "clone the repository (or set ML_PLATFORM_CACHE) somewhere else, such as /opt or /home",
                )
        # The path is part of shell scripts and of supervisord's configuration, and of the path of its socket.
        if not re.fullmatch(r"[\w./+@-]{1,70}", str(folder)):
            raise Failure(
                f"the path {folder} is longer than 70 characters, or has characters other than letters, digits and "
                ". _ + @ -",
                "clone the repository (or set ML_PLATFORM_CACHE) to a plainer path",
            )


def check_routes(network: Addresses, interface: str) -> None:
    """Raise Failure when the machine reaches the cluster's addresses through another interface than the node's."""
    for routed, device in slots.routes().items():
        if device != interface and routed.overlaps(network.whole):
            raise Failure(
                f"the machine already routes {routed} through {device}, inside the cluster's {network.whole}",
                "set ML_PLATFORM_CIDR to a free private /16, such as 10.214.0.0/16, and run 'make clean'",
            )


def snapshotter(state: Path) -> str:
    """containerd's snapshotter: `overlayfs`, or `native` (copies) on a file system that cannot hold an overlay.

    The file system is tried once; the result stays in `state`.
    """
    chosen = state / "snapshotter"
    if not chosen.exists():
        probe = state / "probe"
        for name in ("lower", "upper", "work", "merged"):
            (probe / name).mkdir(parents=True, exist_ok=True)
        layers = f"lowerdir={probe}/lower,upperdir={probe}/upper,workdir={probe}/work"
        done = subprocess.run(
            ["unshare", "--mount", "mount", "-t", "overlay", "overlay", "-o", layers, probe / "merged"],
            capture_output=True,
            check=False,
        )
        shutil.rmtree(probe)
        chosen.write_text("native" if done.returncode else "overlayfs")
    return chosen.read_text()
