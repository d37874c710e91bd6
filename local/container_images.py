"""Container images without Docker and without a registry: built with buildah, kept as archives in the cache.

System images hold one static program each. The sample images are built from the Dockerfiles in `images/`, on a Debian
base that mmdebstrap makes; their tag is the digest of their content, so a change of the code is a new image.
"""

import hashlib
import os
import platform
import shutil
import sys
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import images as samples
from local import locking, process
from local.node.embedded import EmbeddedNode
from local.node.settings import PAUSE_IMAGE
from local.paths import LOCAL, ROOT, cache_folder, flush
from local.progress import Steps

REGISTRY = "localhost/ml-platform"
SUITE = "bookworm"
BASE_PACKAGES = ("ca-certificates", "python3", "python3-pip", "python3-venv", "libgomp1")
BASE_IMAGE = f"{REGISTRY}/base:{hashlib.sha256(repr((SUITE, BASE_PACKAGES)).encode()).hexdigest()[:12]}"
#: The Python of the suite, for which the sample images' wheels are chosen whatever Python this machine has.
BASE_PYTHON = "3.11"
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


def wanted(programs: Mapping[str, Path]) -> list[Image]:
    """All images that the embedded cluster needs at this moment's content of `images/`."""
    references = [
        PAUSE_IMAGE,
        BASE_IMAGE,
        *(system_image(module, programs) for module in SYSTEM_IMAGES),
        *(sample_reference(name) for name in samples.sample_images()),
    ]
    return [Image(reference=reference) for reference in references]


def sample_reference(name: str) -> str:
    return f"{REGISTRY}/{name}:{samples.content_tag(name)}"


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

    def base(self, image: Image) -> None:
        """A minimal Debian with Python."""
        what = f"building the base image {image.reference} failed"
        root = self.storage / "base.tar"
        process.run(
            [
                *("mmdebstrap", "--variant=minbase", "--mode=root", f"--include={','.join(BASE_PACKAGES)}"),
                # No documentation, no translations: 30 MB that no container reads.
                "--dpkgopt=path-exclude=/usr/share/doc/*",
                "--dpkgopt=path-exclude=/usr/share/man/*",
                "--dpkgopt=path-exclude=/usr/share/locale/*",
                *(SUITE, root),
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
            *("config", "--env", f"PATH={path}", "--env", "LANG=C.UTF-8", "--cmd", '["python3"]', container),
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
        context = self.storage / f"context-{name}"
        shutil.copytree(ROOT / "images" / name, context, ignore=shutil.ignore_patterns("__pycache__"))
        self._wheels(context)
        self.buildah(
            *("bud", "--isolation", "chroot", "--network", "host", "--layers=false"),
            *("--signature-policy", self.policy),
            *("--build-arg", f"BASE={BASE_IMAGE}", "--pull-never", "--tag", image.reference, context),
            what=what,
        )
        self.save(image)

    def _wheels(self, context: Path) -> None:
        machine = platform.machine()
        process.run(
            [
                *(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"),
                *("--python-version", BASE_PYTHON, "--implementation", "cp"),
                *(word for tag in _GLIBC_TAGS for word in ("--platform", f"{tag}_{machine}")),
                *("--require-hashes", "-r", context / "requirements.lock", "-d", context / "wheels"),
            ],
            env=self.environment,
            log=self.log,
            what=f"downloading the Python packages of the image {context.name.removeprefix('context-')} failed",
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


def build_base_and_samples(steps: Steps) -> None:
    """Build the Debian base and the sample images that are not in the cache."""
    base = Image(reference=BASE_IMAGE)
    pending = {name: Image(reference=sample_reference(name)) for name in samples.sample_images()}
    if base.archive.exists() and all(image.archive.exists() for image in pending.values()):
        return
    with building(steps) as builder:
        pending = {name: image for name, image in pending.items() if not image.archive.exists()}
        if not base.archive.exists():
            with steps.step(f"image base (Debian {SUITE}, Python {BASE_PYTHON})"):
                builder.base(base)
        else:
            builder.load(base)
        for name, image in pending.items():
            with steps.step(f"image {name}"):
                builder.sample(name, image)


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


def import_into(node: EmbeddedNode, steps: Steps, more: Iterable[Image] = ()) -> None:
    """Give the node's containerd every wanted image that it lacks, and those of `more`."""
    listed = process.output(node.enter("ctr", "--namespace", "k8s.io", "images", "list", "-q")).split()
    missing = [image for image in (*wanted(node.programs), *more) if image.reference not in listed]
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
