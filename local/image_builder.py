"""Container images without Docker and without a registry: buildah builds them, and keeps them as archives.

System images hold one static program each. The sample images are built from the Dockerfiles in `images/`, on a Debian
base that mmdebstrap makes.
"""

import os
import platform
import shutil
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import images as samples
from local import locking, process
from local.image_names import Base, Image, base_of
from local.paths import LOCAL, cache_folder, flush
from local.progress import Steps

_GLIBC_TAGS = (
    "manylinux_2_28",
    "manylinux_2_27",
    "manylinux_2_26",
    "manylinux_2_24",
    "manylinux_2_17",
    "manylinux2014",
)


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
