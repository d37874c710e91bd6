"""Where everything lies: one ignored folder in the checkout and one cache folder, shared by all checkouts."""

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCAL = ROOT / ".local"
VENV_BIN = LOCAL / "venv" / "bin"
TOOL_MODULES = ROOT / "local" / "toolchain" / "modules"


def cache_folder() -> Path:
    """Built tools and images, reused by every checkout: `$ML_PLATFORM_CACHE`, else `~/.cache/ml-platform`."""
    chosen = os.environ.get("ML_PLATFORM_CACHE")
    if chosen:
        return Path(chosen).resolve()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ml-platform"


def mirror_folder() -> Path:
    """Charts, manifests and images of the catalog, as `make mirror` makes them."""
    return cache_folder() / "mirror"


def flush(file: Path) -> None:
    """Bring a file's content to the disk: renamed before that, it may be whole by name and empty after a power cut."""
    with file.open("rb") as handle:
        os.fsync(handle.fileno())


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One embedded cluster: its name, and the folder that holds all of its state."""

    name: str

    @property
    def folder(self) -> Path:
        return LOCAL / self.name

    @property
    def state(self) -> Path:
        """What the node keeps over a restart: etcd's data, images, volumes, certificates."""
        return self.folder / "node"

    @property
    def logs(self) -> Path:
        return self.folder / "log"

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    @property
    def volumes(self) -> Path:
        return self.folder / "volumes"


#: The clusters of `make up`, `make test` and `make test-platform`: other folders, addresses and cgroups, so all can
#: run at once.
TEST_INSTANCES = ("test", "platform")
INSTANCES = {name: Instance(name=name) for name in ("dev", *TEST_INSTANCES)}
