"""Builds the tools that the machine lacks from pinned Go modules (`local/toolchain/modules/*/go.mod`).

A tool's folder in the cache carries a key over everything that went into it: its module files, the flags and the Go
version. It appears there by a rename, complete or not at all, so that an interrupted build simply starts again. Go's
own caches are kept between the tools of one run (they share much of the standard library) and removed after the last.
"""

import functools
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from local import locking, paths, process
from local.errors import Failure
from local.paths import LOCAL, cache_folder
from local.progress import Step, Steps
from local.toolchain.go import Go, find_go, go_version, known_go
from local.toolchain.tool import BUILD_FLAGS, Tool, key

FREE_BYTES_NEEDED = 25 * 10**9


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
