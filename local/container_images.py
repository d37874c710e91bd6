"""The container images of an embedded cluster: what is missing is built, and the node gets what it runs."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from local import process
from local.image_builder import building
from local.image_names import (
    BASE_IMAGE,
    BASES,
    SAMPLES,
    SYSTEM_IMAGES,
    Image,
    base_of,
    sample_reference,
    system_image,
    wanted,
)
from local.node.embedded import EmbeddedNode
from local.node.settings import PAUSE_IMAGE
from local.progress import Steps


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
