"""Builds the sample images with Docker, under the names that the stacks compute from their content.

    python -m images --registry registry.example/ml-platform --push
    python -m images --kind my-cluster trainer predictor

Standard library only, as all of this package.
"""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Sequence

from images import CONTEXT, content_tag, sample_images

# What the getting-started stack files run. The images of the distributed engines are large.
SMALL = ("trainer", "predictor")
LOCAL_REGISTRY = "localhost/ml-platform"


def commands(names: Sequence[str], *, registry: str, push: bool, kind: str | None) -> list[list[str]]:
    """What builds these images, and what takes them to the registry or to the nodes of a kind cluster."""
    lines: list[list[str]] = []
    for name in names:
        reference = f"{registry}/{name}:{content_tag(name)}"
        dockerfile = str(CONTEXT / name / "Dockerfile")
        lines.append(["docker", "build", "--tag", reference, "--file", dockerfile, str(CONTEXT)])
        if push:
            lines.append(["docker", "push", reference])
        if kind:
            lines.append(["kind", "load", "docker-image", reference, "--name", kind])
    return lines


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m images", description="Build the sample images with Docker.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: {' '.join(SMALL)}")
    parser.add_argument(
        "--registry", default=LOCAL_REGISTRY, help="`images.registry` of the stack file (default: %(default)s)"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--push", action="store_true", help="push them to the registry")
    where.add_argument("--kind", metavar="CLUSTER", help="load them into the nodes of this kind cluster")
    args = parser.parse_args(words)
    names: list[str] = args.names or list(SMALL)
    if unknown := sorted(set(names) - set(sample_images())):
        parser.error(f"no sample image is called {', '.join(unknown)}: there are {', '.join(sample_images())}")
    if args.push and args.registry == LOCAL_REGISTRY:
        parser.error("--push needs --registry, the registry to push to")
    for command in commands(names, registry=args.registry, push=args.push, kind=args.kind):
        if shutil.which(command[0]) is None:
            print(f"{command[0]} is not installed, or not in PATH", file=sys.stderr)
            return 1
        print("$", " ".join(command), flush=True)
        if (code := subprocess.run(command, check=False).returncode) != 0:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
