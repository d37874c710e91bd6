"""The cgroups of a node: one of its own in every tree of the machine, with cgroups version 1 and 2."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
#: As much of a busy machine's processors as sixteen processes get.
CPU_SHARES = 16 * 1024


def hierarchies() -> list[Path]:
    """The roots of all cgroup trees: one each controller with version 1, one in all with version 2."""
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS]
    return [folder for folder in sorted(CGROUPS.iterdir()) if folder.is_dir() and not folder.is_symlink()]


def make(path: str, leaf: str) -> None:
    """A cgroup for the kubelet's pods in every tree, with a `leaf` inside for the node's own programs."""
    for root in hierarchies():
        folder = root / path.lstrip("/")
        (folder / leaf).mkdir(parents=True, exist_ok=True)
        controllers = root / "cgroup.controllers"
        if controllers.exists():
            # One by one: a controller that cannot be handed down must not keep the others from it.
            for parent in (root, folder):
                for name in controllers.read_text().split():
                    with contextlib.suppress(OSError):
                        (parent / "cgroup.subtree_control").write_text(f"+{name}")
        # With version 1 a group counts as one process of the machine, however many it holds: beside a build of some
        # dozen processes a whole cluster would not answer in time.
        with contextlib.suppress(FileNotFoundError), (folder / "cpu.shares").open("r+") as shares:
            shares.write(str(CPU_SHARES))
        # A new group of the version 1 cpuset tree has no processor and no memory until it is given some.
        for name in ("cpuset.cpus", "cpuset.mems"):
            for group in (folder, folder / leaf):
                if (group / name).exists() and not controllers.exists():
                    (group / name).write_text((group.parent / name).read_text())


def folders(path: str) -> Iterator[Path]:
    """The group and all below it, in every tree, children first."""
    for root in hierarchies():
        for folder, _, _ in os.walk(root / path.lstrip("/"), topdown=False):
            yield Path(folder)


def processes(path: str) -> set[int]:
    found: set[int] = set()
    for folder in folders(path):
        with contextlib.suppress(OSError):
            found |= {int(word) for word in (folder / "cgroup.procs").read_text().split()}
    return found - {0}


def remove(path: str) -> bool:
    for folder in folders(path):
        with contextlib.suppress(OSError):
            folder.rmdir()
    return not any(True for _ in folders(path))
