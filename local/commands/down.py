"""`make down` and `make clean`: nothing of the stack, the cluster or the checkout stays."""

import shutil
from pathlib import Path

from local.addons import install
from local.commands.prepare import all_built, is_embedded, pulumi_of
from local.errors import Failure
from local.node.embedded import EmbeddedNode
from local.paths import INSTANCES, LOCAL, cache_folder
from local.progress import Steps
from local.pulumi_cli.installed import tools_to_build
from local.toolchain import building
from local.toolchain.tools import CLUSTER_TOOLS


def down(stack: str) -> None:
    """Destroy the stack, then stop the embedded cluster; leaves nothing running."""
    instance = INSTANCES["dev"]
    embedded = is_embedded(stack)
    tools = tools_to_build() + (CLUSTER_TOOLS if embedded else ())
    with Steps() as steps:
        programs: dict[str, Path] = {}
        if all_built(tools):
            programs = building.build(tools, steps)
            pulumi = pulumi_of(stack, programs, embedded=embedded)
            pulumi.ensure()
            if pulumi.has_resources():
                if embedded:
                    # Objects are removed by the cluster's own controllers: it has to run for that.
                    node = EmbeddedNode(instance, programs)
                    with steps.step(f"cluster {instance.name}: control plane and node"):
                        node.ensure()
                        install.wait_for_api(node)
                pulumi.destroy(steps)
        elif embedded:
            steps.say("The tools of this stack are not built: the cluster is stopped, its objects stay in its folder.")
        if embedded:
            node = EmbeddedNode(instance, programs)
            stop_cluster(node, steps)
            if programs:
                node.forget()


def stop_cluster(node: EmbeddedNode, steps: Steps) -> None:
    with steps.step(f"stop the cluster {node.instance.name}"):
        node.stop()
    if left := node.leftovers():
        raise Failure(f"left on the machine: {', '.join(left[:5])}", "run the same command again")


def clean(*, cache: bool) -> None:
    """Stop every cluster of this checkout and remove what `make` made here; with `cache`, tools and images too."""
    with Steps() as steps:
        for instance in INSTANCES.values():
            if instance.folder.exists():
                stop_cluster(EmbeddedNode(instance, {}), steps)
                shutil.rmtree(instance.folder)
        for name in ("log", "bench"):
            shutil.rmtree(LOCAL / name, ignore_errors=True)
        if cache:
            with steps.step(f"remove {cache_folder()}"):
                shutil.rmtree(cache_folder(), ignore_errors=True)
