"""What several commands need first: tools, images, a running cluster, Pulumi on the stack."""

from collections.abc import Collection, Mapping
from pathlib import Path

from local import container_images, process, system
from local.addons import install
from local.addons.simulated import simulated_pools
from local.errors import Failure
from local.image_names import SAMPLES
from local.mirror import making
from local.mirror.entries import available, images_of
from local.node.embedded import EmbeddedNode
from local.paths import INSTANCES, Instance
from local.progress import Steps
from local.pulumi_cli.cli import Pulumi
from local.pulumi_cli.installed import tools_to_build
from local.stack import read_environment, stack_file
from local.toolchain import building
from local.toolchain.go import find_go
from local.toolchain.tool import Tool
from local.toolchain.tools import CLUSTER_TOOLS, TOOLS
from stacks.clouds.config import LocalCluster
from stacks.clouds.kubeconfig import KubeconfigCluster
from stacks.environment.config import Environment
from stacks.environment.installed import sample_images
from stacks.gpu.config import Gpu


def built_programs(steps: Steps, *, cluster: bool = True) -> dict[str, Path]:
    """The paths of all tools, building what is missing."""
    tools = tools_to_build() + (CLUSTER_TOOLS if cluster else ())
    return building.build(sorted(tools, key=TOOLS.index), steps)


def prepare(steps: Steps, entries: Collection[str] = (), samples: Collection[str] = SAMPLES) -> dict[str, Path]:
    """Everything that is built once: packages, tools, images. Tools and images are made side by side.

    `samples` are the sample images to build. `entries` of the catalog, what the stack installs, are mirrored where they
    can be had on this machine. The others may do without: what a simulated node runs needs no image.
    """
    system.check_machine()
    programs: dict[str, Path] = {}

    def tools() -> None:
        programs.update(built_programs(steps))

    def packages_and_images() -> None:
        system.ensure_packages(steps)
        container_images.build_base_and_samples(steps, samples)

    process.side_by_side(tools, packages_and_images)
    container_images.build_system(programs, steps)
    if here := available(entries):
        making.build(here, steps)
    return programs


def start_cluster(
    instance: Instance,
    programs: Mapping[str, Path],
    cluster: LocalCluster,
    steps: Steps,
    entries: Collection[str] = (),
    gpu: Gpu | None = None,
    samples: Collection[str] = SAMPLES,
) -> EmbeddedNode:
    """Bring the embedded cluster of `instance` up, or repair it, with the images of these entries of the catalog.

    `gpu`: the section of that name, by which the simulated nodes' GPUs are shared. `samples`: the sample images that
    its workloads use.
    """
    node = EmbeddedNode(instance, programs)
    with steps.step(f"cluster {instance.name}: control plane and node"):
        node.ensure()
        install.wait_for_api(node)
    container_images.import_into(node, steps, images_of(available(entries)), samples)
    install.ensure(node, simulated_pools(cluster, gpu), steps)
    return node


def samples_of(environment: Environment) -> list[str]:
    """The sample images to have for a stack: those of every cluster, and those that its workloads name."""
    return sorted({*SAMPLES, *sample_images(environment)})


def environment_of(stack: str) -> Environment:
    """The environment of a stack whose state these commands keep. Raises Failure for one in a cloud."""
    environment = read_environment(stack_file(stack))
    if login := environment.cluster.login:
        raise Failure(
            f"the stack {stack!r} is on {login.cloud}: its state and its login are not this machine's",
            f"use Pulumi with your own login ({login.guide}), such as 'pulumi up --stack {stack}' after "
            f"'make preview STACK={stack}'",
        )
    return environment


def is_embedded(stack: str) -> bool:
    """Whether the stack is on the embedded cluster, and not on one of the user's kubeconfig."""
    return isinstance(environment_of(stack).cluster, LocalCluster)


def existing_pulumi(stack: str) -> Pulumi:
    """Pulumi for a command that needs what `make up` made."""
    embedded = is_embedded(stack)
    tools = tools_to_build() + (CLUSTER_TOOLS if embedded else ())
    if not all_built(tools):
        raise Failure("the tools of this stack are not built yet", "run 'make up' first")
    with Steps() as steps:
        programs = building.build(tools, steps)
    pulumi = pulumi_of(stack, programs, embedded=embedded)
    pulumi.ensure()
    return pulumi


def pulumi_of(stack: str, programs: Mapping[str, Path], *, embedded: bool) -> Pulumi:
    config = environment_of(stack).cluster
    cluster = config if isinstance(config, KubeconfigCluster) and not embedded else None
    file = stack_file(stack)
    return Pulumi(INSTANCES["dev"], programs, stack=stack, stack_file=file, embedded=embedded, cluster=cluster)


def all_built(tools: tuple[Tool, ...]) -> bool:
    with Steps() as steps:
        version = find_go(steps).version
    return all(building.installed(tool, version).exists() for tool in tools)
