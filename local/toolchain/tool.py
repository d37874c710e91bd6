"""One pinned tool, and the key that says what its build was made of."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local.paths import TOOL_MODULES

# No debug information anywhere: it costs a fifth of the build and is not used (stack traces do not need it).
BUILD_FLAGS = ("-trimpath", "-buildvcs=false", "-mod=readonly", "-gcflags=all=-dwarf=false")


@dataclass(frozen=True, kw_only=True)
class Tool:
    """An upstream tool that a Go module of ours pins.

    `module` is the tool's name. What `repr` shows is part of the key: a new field that it shows builds every tool anew.
    """

    module: str
    version: str
    packages: tuple[str, ...]
    #: Values set at link time, as the upstream release does.
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    #: Files copied beside our own `main.go` before the build: (module, folder in it, names).
    embeds: tuple[str, str, tuple[str, ...]] | None = None
    #: Modules that the checksum database does not answer for; `go.sum` pins them.
    no_checksum_database: str = ""
    #: Build tags, which the key digests where there are any.
    tags: tuple[str, ...] = field(default=(), repr=False)
    #: The Go module that pins it together with other tools; default: one with the tool's name. Not part of the key,
    #: which digests what the module says. Packages that tools of one module have in common are compiled once.
    shares: str = field(default="", repr=False)

    @property
    def folder(self) -> Path:
        """The folder of the `go.mod` that pins it."""
        return TOOL_MODULES / (self.shares or self.module)

    @property
    def programs(self) -> tuple[str, ...]:
        """The file names of the built programs."""
        return tuple(_RENAMED.get(package) or _program(package) for package in self.packages)

    @property
    def own_mains(self) -> tuple[Path, ...]:
        """The folders of packages that are ours: a few lines that call the tool."""
        return tuple(self.folder / package for package in self.packages if package.startswith("./"))


#: Programs that get another name than Go gives them.
_RENAMED = {"go.etcd.io/etcd/server/v3": "etcd", "./pulumi-kubernetes": "pulumi-resource-kubernetes"}


def _program(package: str) -> str:
    """The name that `go build` gives a program: the last part of its path that is no major version."""
    return re.sub(r"/v\d+$", "", package).rpartition("/")[2]


def key(tool: Tool, go_version: str) -> str:
    """A digest over all that decides what the built programs are: 12 hex digits."""
    # Go 1.26.7 makes what 1.26.6 made, but for its own corrections: not worth building everything anew.
    minor = go_version.rpartition(".")[0]
    digest = hashlib.sha256(repr((tool, BUILD_FLAGS, minor)).encode())
    if tool.tags:
        digest.update(repr(tool.tags).encode())
    for file in (tool.folder / "go.mod", tool.folder / "go.sum", *(main / "main.go" for main in tool.own_mains)):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
