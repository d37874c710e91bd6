"""Container images without Docker and without a registry: built with buildah, kept as archives in the cache.

System images hold one static program each. The sample images are built from the Dockerfiles in `images/`, on a Debian
base that mmdebstrap makes; their tag is the digest of their content, so a change of the code is a new image.
"""

import hashlib
import os
import platform
import re
import shutil
import sys
from collections.abc import Collection, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import images as samples
from local import locking, process
from local.errors import Failure
from local.node.embedded import EmbeddedNode
from local.node.settings import PAUSE_IMAGE
from local.paths import LOCAL, cache_folder, flush
from local.progress import Steps

REGISTRY = "localhost/ml-platform"
#: What every embedded cluster has images of: the samples of a stack that has no engine.
SAMPLES = ("trainer", "predictor")


@dataclass(frozen=True, kw_only=True)
class Base:
    """A minimal Debian to build sample images on, in place of the one of a registry that a Dockerfile names.

    `python`: that of the suite, for which wheels are chosen whatever Python this machine has. `packages`: what the
    registry's image has besides Debian itself.
    """

    suite: str
    python: str
    packages: tuple[str, ...]

    @property
    def reference(self) -> str:
        return f"{REGISTRY}/base:{hashlib.sha256(repr((self.suite, self.packages)).encode()).hexdigest()[:12]}"


#: By what the default of BASE in a Dockerfile ends with.
BASES = {
    "python:3.11-slim-bookworm": Base(
        suite="bookworm",
        python="3.11",
        packages=("ca-certificates", "python3", "python3-pip", "python3-venv", "libgomp1"),
    ),
    "debian:trixie-slim": Base(suite="trixie", python="3.13", packages=("ca-certificates",)),
}
BASE_IMAGE = BASES["python:3.11-slim-bookworm"].reference
_GLIBC_TAGS = (
    "manylinux_2_28",
    "manylinux_2_27",
    "manylinux_2_26",
    "manylinux_2_24",
    "manylinux_2_17",
    "manylinux2014",
)


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image by its full reference, and the archive that holds it."""

    reference: str

    @property
    def archive(self) -> Path:
        name, _, tag = self.reference.rpartition("/")[2].partition(":")
        return cache_folder() / "images" / f"{name}-{tag}.tar"


def system_image(module: str, programs: Mapping[str, Path]) -> str:
    """The reference of the image that holds one of the cluster's tools, such as `coredns`.

    The tag is that of the tool's folder in the cache, version and key: a tool that is built anew is a new image.
    """
    return f"{REGISTRY}/{module}:{programs[module].parent.name.removeprefix(f'{module}-')}"


#: The tools that run as pods: image name (a tool's module) and the program in it.
SYSTEM_IMAGES = ("coredns", "metrics-server", "local-path-provisioner")


def wanted(programs: Mapping[str, Path], names: Collection[str] = SAMPLES) -> list[Image]:
    """All images that an embedded cluster with these sample images needs, at this moment's content of `images/`."""
    references = [
        PAUSE_IMAGE,
        BASE_IMAGE,
        *(system_image(module, programs) for module in SYSTEM_IMAGES),
        *(sample_reference(name) for name in names),
    ]
    return [Image(reference=reference) for reference in references]


def sample_reference(name: str) -> str:
    return f"{REGISTRY}/{name}:{samples.content_tag(name)}"


def base_of(name: str) -> Base:
    """The base of a sample image, by the default of BASE in its Dockerfile."""
    found = re.search(r"^ARG BASE=(\S+)$", (samples.CONTEXT / name / "Dockerfile").read_text(), re.MULTILINE)
    if found is None or found[1] not in BASES:
        raise Failure(
            f"the Dockerfile of the sample image {name} has no base that can be made here",
            f"begin it with ARG BASE= and one of {', '.join(BASES)}",
        )
    return BASES[found[1]]


class Builder:
    """Builds images in a storage of its own, which is removed at the end."""

    def __init__(self, storage: Path) -> None:
        self.storage = storage
        self.log = LOCAL / "log" / "images.log"
        # Rootless settings, policies and registries of the machine play no part.
        self.policy = storage / "policy.json"
        self.policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        # What a killed build leaves there goes with the storage.
        (storage / "tmp").mkdir()
        self.environment = os.environ | {"TMPDIR": str(storage / "tmp")}

    def buildah(self, *words: str | os.PathLike[str], what: str) -> str:
        lines: list[str] = []
        process.run(
            [
                *("buildah", "--storage-driver", "vfs", "--root", self.storage / "root"),
                *("--runroot", self.storage / "run", *words),
            ],
            env=self.environment,
            log=self.log,
            what=what,
            remedy="see the log, then run the same command again",
            on_line=lines.append,
        )
        return lines[-1] if lines else ""

    def save(self, image: Image) -> None:
        image.archive.parent.mkdir(parents=True, exist_ok=True)
        partial = self.storage / image.archive.name
        self.buildah(
            *("push", "--disable-compression", "--signature-policy", self.policy, image.reference),
            f"oci-archive:{partial}:{image.reference}",
            what=f"saving the image {image.reference} failed",
        )
        flush(partial)
        partial.rename(image.archive)

    def from_programs(self, image: Image, programs: Mapping[str, Path], *arguments: str) -> None:
        """An image that holds static programs, by their paths in it, and nothing else, run as nobody.

        The first one is what it starts, with `arguments`.
        """
        what = f"building the image {image.reference} failed"
        container = self.buildah("from", "scratch", what=what)
        for path, program in programs.items():
            self.buildah("copy", "--chmod", "0755", container, program, path, what=what)
        entrypoint = ", ".join(f'"{word}"' for word in (next(iter(programs)), *arguments))
        self.buildah(*("config", "--user", "65534:65534", "--entrypoint", f"[{entrypoint}]", container), what=what)
        self.buildah("commit", "--signature-policy", self.policy, "--rm", container, image.reference, what=what)
        self.save(image)

    def base(self, base: Base) -> None:
        """A minimal Debian with the packages of a base."""
        image = Image(reference=base.reference)
        what = f"building the base image {image.reference} failed"
        root = self.storage / "base.tar"
        process.run(
            [
                *("mmdebstrap", "--variant=minbase", "--mode=root", f"--include={','.join(base.packages)}"),
                # No documentation, no translations: 30 MB that no container reads.
                "--dpkgopt=path-exclude=/usr/share/doc/*",
                "--dpkgopt=path-exclude=/usr/share/man/*",
                "--dpkgopt=path-exclude=/usr/share/locale/*",
                *(base.suite, root),
            ],
            log=self.log,
            what=what,
            remedy="check that Debian's packages can be reached, then run the same command again",
        )
        container = self.buildah("from", "scratch", what=what)
        self.buildah("add", container, root, "/", what=what)
        root.unlink()
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        self.buildah(
            *("config", "--env", f"PATH={path}", "--env", "LANG=C.UTF-8", "--cmd", '["sh"]', container),
            what=what,
        )
        self.buildah("commit", "--signature-policy", self.policy, "--rm", container, image.reference, what=what)
        self.save(image)

    def load(self, image: Image) -> None:
        """Bring a saved image back into the storage, to build on it."""
        self.buildah(
            *("pull", "--signature-policy", self.policy, f"oci-archive:{image.archive}:{image.reference}"),
            what=f"reading the image {image.reference} failed",
        )

    def sample(self, name: str, image: Image) -> None:
        """A sample image from its Dockerfile; its wheels are fetched here, so no package client's settings go in."""
        what = f"building the image {image.reference} failed"
        context, base = self.storage / f"context-{name}", base_of(name)
        # Nothing but what the image's tag is made of.
        for file in samples.image_files(samples.CONTEXT, name):
            (context / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(samples.CONTEXT / file, context / file, follow_symlinks=False)
        self._wheels(name, context / name, base)
        self.buildah(
            *("bud", "--isolation", "chroot", "--network", "host", "--layers=false"),
            *("--signature-policy", self.policy, "--file", context / name / "Dockerfile"),
            *("--build-arg", f"BASE={base.reference}", "--pull-never", "--tag", image.reference, context),
            what=what,
        )
        shutil.rmtree(context)
        self.save(image)

    def _wheels(self, name: str, folder: Path, base: Base) -> None:
        machine = platform.machine()
        process.run(
            [
                *(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"),
                *("--python-version", base.python, "--implementation", "cp"),
                *(word for tag in _GLIBC_TAGS for word in ("--platform", f"{tag}_{machine}")),
                *("--require-hashes", "-r", folder / "requirements.lock", "-d", folder / "wheels"),
            ],
            env=self.environment,
            log=self.log,
            what=f"downloading the Python packages of the image {name} failed",
            remedy="check that the Python package index can be reached, then run the same command again",
        )


@contextmanager
def building(steps: Steps) -> Generator[Builder]:
    folder = cache_folder() / "images" / ".build"
    with locking.waiting_for(cache_folder() / "images.lock", steps):
        shutil.rmtree(folder, ignore_errors=True)  # of a build that was killed
        folder.mkdir(parents=True)
        try:
            yield Builder(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def build_base_and_samples(steps: Steps, names: Collection[str] = SAMPLES) -> None:
    """Build these sample images, where they are not in the cache, and the bases that they need.

    The base of the cluster's own pods is among them in any case.
    """

    def missing() -> dict[str, Image]:
        images = {name: Image(reference=sample_reference(name)) for name in names}
        return {name: image for name, image in images.items() if not image.archive.exists()}

    if not missing() and Image(reference=BASE_IMAGE).archive.exists():
        return
    with building(steps) as builder:
        pending = missing()
        needed = {base_of(name).reference for name in pending}
        for base in BASES.values():
            image = Image(reference=base.reference)
            if image.archive.exists() and base.reference in needed:
                builder.load(image)
            elif not image.archive.exists() and base.reference in {BASE_IMAGE, *needed}:
                with steps.step(f"image base (Debian {base.suite})"):
                    builder.base(base)
        for name, image in pending.items():
            with steps.step(f"image {name}") as step:
                builder.sample(name, image)
                step.note = f"{image.archive.stat().st_size / 1e6:.0f} MB"


def build_system(programs: Mapping[str, Path], steps: Steps) -> None:
    """Wrap the cluster's own tools into images."""
    pause = Image(reference=PAUSE_IMAGE)
    pending = {module: Image(reference=system_image(module, programs)) for module in SYSTEM_IMAGES}
    pending = {module: image for module, image in pending.items() if not image.archive.exists()}
    if pause.archive.exists() and not pending:
        return
    with steps.step("images of the cluster's own pods"), building(steps) as builder:
        if not pause.archive.exists():
            # catatonit is a static init; with -P it is the pause program of a pod.
            builder.from_programs(pause, {"/catatonit": Path("/usr/bin/catatonit")}, "-P")
        for module, image in pending.items():
            builder.from_programs(image, {f"/{programs[module].name}": programs[module]})


def import_into(node: EmbeddedNode, steps: Steps, more: Iterable[Image] = (), names: Collection[str] = SAMPLES) -> None:
    """Give the node's containerd every wanted image that it lacks, those of these samples, and those of `more`."""
    listed = process.output(node.enter("ctr", "--namespace", "k8s.io", "images", "list", "-q")).split()
    missing = [image for image in (*wanted(node.programs, names), *more) if image.reference not in listed]
    if not missing:
        return
    with steps.step(f"import {len(missing)} images") as step:
        step.total = len(missing)
        for image in missing:
            step.note = image.reference.rpartition("/")[2]
            process.run(
                node.enter(
                    *("ctr", "--namespace", "k8s.io", "images", "import"),
                    *("--snapshotter", node.snapshotter(), image.archive),
                ),
                log=node.instance.logs / "images.log",
                what=f"importing the image {image.reference} failed",
                remedy=f"remove {image.archive} and run the same command again",
            )
            step.done += 1
