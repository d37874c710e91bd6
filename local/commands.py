"""What `make up`, `make down` and their sisters do, from the machine up to a prediction."""

import http.client
import ipaddress
import json
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from local import addons, container_images, mirror, process, system, toolchain
from local.errors import Failure
from local.network import cluster_range
from local.node import EmbeddedNode
from local.paths import INSTANCES, LOCAL, ROOT, Instance, cache_folder
from local.progress import Steps
from local.pulumi_cli import Pulumi, tools_to_build
from local.simulated import simulated_pools
from local.stack import policy_options, read_environment, stack_file
from stacks.aws_config import AwsCluster
from stacks.cluster_config import LocalCluster
from stacks.gpu_config import Gpu
from stacks.installed import from_embedded_mirror

#: How long an answer of a server that `pulumi up` saw ready may take to come through a new Service.
ANSWER_SECONDS = 15


def built_programs(steps: Steps, *, cluster: bool = True) -> dict[str, Path]:
    """The paths of all tools, building what is missing."""
    tools = tools_to_build() + (toolchain.CLUSTER_TOOLS if cluster else ())
    return toolchain.build(sorted(tools, key=toolchain.ALL_TOOLS.index), steps)


def prepare(steps: Steps, entries: Collection[str] = ()) -> dict[str, Path]:
    """Everything that is built once: packages, tools, images. Tools and images are made side by side.

    `entries` of the catalog, what the stack installs, are mirrored where they can be had on this machine. The others
    may do without: what a simulated node runs needs no image.
    """
    system.check_machine()
    programs: dict[str, Path] = {}

    def tools() -> None:
        programs.update(built_programs(steps))

    def packages_and_images() -> None:
        system.ensure_packages(steps)
        container_images.build_base_and_samples(steps)

    process.side_by_side(tools, packages_and_images)
    container_images.build_system(programs, steps)
    if here := mirror.available(entries):
        mirror.build(here, steps)
    return programs


def start_cluster(
    instance: Instance,
    programs: Mapping[str, Path],
    cluster: LocalCluster,
    steps: Steps,
    entries: Collection[str] = (),
    gpu: Gpu | None = None,
) -> EmbeddedNode:
    """Bring the embedded cluster of `instance` up, or repair it, with the images of these entries of the catalog.

    `gpu`: the section of that name, by which the simulated nodes' GPUs are shared.
    """
    node = EmbeddedNode(instance, programs)
    with steps.step(f"cluster {instance.name}: control plane and node"):
        node.ensure()
        addons.wait_for_api(node)
    container_images.import_into(node, steps, mirror.images_of(mirror.available(entries)))
    addons.ensure(node, simulated_pools(cluster, gpu), steps)
    return node


def up(stack: str, *, only_cluster: bool = False) -> None:
    """From an empty machine to a prediction; does only what is missing."""
    started = time.monotonic()
    instance = INSTANCES["dev"]
    environment = read_environment(stack_file(stack))
    if isinstance(environment.cluster, AwsCluster):
        raise Failure(
            f"the stack {stack!r} is on AWS: its state and its login are not this machine's",
            f"run 'make preview STACK={stack}', then 'pulumi up --stack {stack}' with your own login (docs/aws.md)",
        )
    with Steps() as steps:
        if isinstance(environment.cluster, LocalCluster):
            entries = from_embedded_mirror(environment)
            programs = prepare(steps, entries)
            start_cluster(instance, programs, environment.cluster, steps, entries, environment.gpu)
        else:
            programs = built_programs(steps, cluster=False)
        pulumi = _pulumi(stack, programs, embedded=isinstance(environment.cluster, LocalCluster))
        pulumi.ensure()
        pulumi.ensure_stack()
        if only_cluster:
            steps.say(f"\nThe cluster is up. For pulumi and kubectl: source {instance.folder.relative_to(ROOT)}/env")
            return
        pulumi.up(steps, *policy_options(stack), queued=environment.queueing is not None)
        steps.timings["total"] = time.monotonic() - started
        steps.write_timings(instance.folder / "timings.json")
    show_outputs(pulumi.outputs(), instance)
    Console(stderr=True).print(f"[dim]done in {time.monotonic() - started:.0f} s[/dim]")


def show_outputs(outputs: Mapping[str, Any], instance: Instance) -> None:
    """The outputs as tables, and for the first server a line to try."""
    console = Console(highlight=False)
    table = Table(title="Stack outputs (all of them: make outputs)", title_justify="left", box=box.SIMPLE_HEAD)
    for column in ("team", "workload", "what came of it"):
        table.add_column(column, overflow="fold")
    servers: list[tuple[str, str]] = []
    for team, workloads in outputs["teams"].items():
        for name, item in workloads["training"].items():
            model = item["model"]
            table.add_row(team, f"training {name}", f"model {model['name']}, version {model['version']}")
        for name, item in workloads["serving"].items():
            table.add_row(team, f"serving {name}", item["url"])
            servers.append((name, item["url"]))
    console.print(table)
    if servers:
        _, url = servers[0]
        console.print("Try it (64 pixels, 0 to 16, row by row):", style="bold")
        console.print(f"  {curl_line(url)}", soft_wrap=True)
        console.print(f"  -> {_first_answer(url)}")
    console.print(
        "\nmake predict    held-out samples through the Service\nmake status     what runs, what waits and why"
    )
    console.print(f"source {instance.folder.relative_to(ROOT)}/env    plain pulumi and kubectl on this stack")


#: A handwritten zero, the first sample of the data set: what the printed `curl` line sends.
ZERO = (
    "0,0,5,13,9,1,0,0,0,0,13,15,10,15,5,0,0,3,15,2,0,11,8,0,0,4,12,0,0,8,8,0,"
    "0,5,8,0,0,9,8,0,0,4,11,0,1,12,7,0,0,2,14,5,10,12,0,0,0,0,6,13,10,0,0,0"
)


def curl_line(url: str) -> str:
    return f"curl -s {url}/predict -H 'Content-Type: application/json' -d '{{\"input\": [{ZERO}]}}'"


def _first_answer(url: str) -> str:
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        try:
            return json.dumps(post(f"{url}/predict", {"input": [int(word) for word in ZERO.split(",")]}))
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, urllib.error.HTTPError) and error.code < 500:
                # A predictor of one's own wants other input.
                return f"{error.code}: {error.read(200).decode(errors='replace').strip()}"
            if time.monotonic() > deadline:
                raise Failure(
                    f"{url}/predict does not answer: {error}", "see 'make status'", INSTANCES["dev"].logs
                ) from None
            time.sleep(0.3)


def post(url: str, body: object) -> Any:
    request = urllib.request.Request(  # noqa: S310  (the URL is a stack output)
        url, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
    # A proxy of the machine does not reach the embedded cluster.
    proxies = urllib.request.ProxyHandler({} if _is_embedded_address(request.host) else None)
    with urllib.request.build_opener(proxies).open(request, timeout=10) as answer:
        return json.load(answer)


def _is_embedded_address(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition(":")[0]) in ipaddress.ip_network(cluster_range())
    except ValueError:
        return False


def is_embedded(stack: str) -> bool:
    """Whether the stack stands on the embedded cluster, and not on one of the user's kubeconfig or of a cloud."""
    return isinstance(read_environment(stack_file(stack)).cluster, LocalCluster)


def existing_pulumi(stack: str) -> Pulumi:
    """Pulumi for a command that needs what `make up` made."""
    embedded = is_embedded(stack)
    tools = tools_to_build() + (toolchain.CLUSTER_TOOLS if embedded else ())
    if not _all_built(tools):
        raise Failure("the tools of this stack are not built yet", "run 'make up' first")
    with Steps() as steps:
        programs = toolchain.build(tools, steps)
    pulumi = _pulumi(stack, programs, embedded=embedded)
    pulumi.ensure()
    return pulumi


def _pulumi(stack: str, programs: Mapping[str, Path], *, embedded: bool) -> Pulumi:
    return Pulumi(INSTANCES["dev"], programs, stack=stack, stack_file=stack_file(stack), embedded=embedded)


def _all_built(tools: tuple[toolchain.Tool, ...]) -> bool:
    with Steps() as steps:
        version = toolchain.find_go(steps).version
    return all(toolchain.installed(tool, version).exists() for tool in tools)


# In a server's pod: the held-out samples that its training put beside the model, on a volume or in a bucket.
READ_SAMPLES = """\
samples="$MODEL_ROOT/$MODEL_NAME/$MODEL_VERSION/samples.json"
case "$samples" in s3:*) exec python3 -m predictor.objects "$samples";; esac
exec cat "$samples"
"""


def predict(stack: str, count: int) -> None:
    """Send held-out samples of every trained and served model through its Service."""
    pulumi = existing_pulumi(stack)
    outputs = pulumi.outputs()
    if not outputs:
        raise Failure(f"the stack {stack!r} has no outputs: nothing of it is there", "run 'make up' first")
    environment = read_environment(stack_file(stack))
    console = Console(highlight=False)
    for team in environment.teams:
        for server in team.serving:
            item: Any = outputs["teams"][team.name]["serving"][server.name]  # pyright: ignore
            _predict_one(pulumi, item, server.model, count, console)


def _predict_one(pulumi: Pulumi, item: Mapping[str, str], model: str, count: int, console: Console) -> None:
    namespace, deployment = item["namespace"], item["deployment"]
    done = subprocess.run(
        ["kubectl", "exec", "--namespace", namespace, f"deployment/{deployment}", "--", "sh", "-c", READ_SAMPLES],
        env=pulumi.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Failure(
            f"the held-out samples of {model!r} could not be read: {done.stderr.strip()[:200]}",
            "see 'make status'; a model of your own needs a samples.json beside its manifest",
        )
    samples = json.loads(done.stdout)
    labels = samples["labels"]
    url = f"{item['url']}/v1/models/{model}:predict"
    try:
        predictions = post(url, {"instances": samples["inputs"]})["predictions"]
    except (OSError, http.client.HTTPException) as error:
        raise Failure(f"{url} does not answer: {error}", "see 'make status'", pulumi.instance.logs) from None
    table = Table(title=f"{namespace}/{deployment}: {item['url']}", title_justify="left", box=box.SIMPLE_HEAD)
    for column in ("sample", "label", "prediction", ""):
        table.add_column(column, justify="right")
    pairs = list(zip(labels, predictions, strict=True))
    for number, (label, prediction) in enumerate(pairs[:count]):
        table.add_row(str(number), str(label), str(prediction), "" if label == prediction else "wrong")
    console.print(table)
    right = sum(label == prediction for label, prediction in pairs)
    console.print(f"{len(pairs)} held-out samples sent, {right} right: accuracy {right / len(pairs):.4f}")


def outputs(stack: str) -> None:
    """The stack outputs as JSON on stdout, and nothing else there."""
    json.dump(existing_pulumi(stack).outputs(), sys.stdout, indent=2, sort_keys=True)
    sys.stdout.write("\n")


def down(stack: str) -> None:
    """Destroy the stack, then stop the embedded cluster; leaves nothing running."""
    instance = INSTANCES["dev"]
    embedded = is_embedded(stack)
    tools = tools_to_build() + (toolchain.CLUSTER_TOOLS if embedded else ())
    with Steps() as steps:
        programs: dict[str, Path] = {}
        if _all_built(tools):
            programs = toolchain.build(tools, steps)
            pulumi = _pulumi(stack, programs, embedded=embedded)
            pulumi.ensure()
            if pulumi.has_resources():
                if embedded:
                    # Objects are removed by the cluster's own controllers: it has to run for that.
                    node = EmbeddedNode(instance, programs)
                    with steps.step(f"cluster {instance.name}: control plane and node"):
                        node.ensure()
                        addons.wait_for_api(node)
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


def show_environment(stack: str) -> None:
    """The shell lines that make plain `pulumi` and `kubectl` work on the stack."""
    pulumi = existing_pulumi(stack)
    pulumi.ensure_stack()
    sys.stdout.write((pulumi.instance.folder / "env").read_text())
