"""`make up`: from an empty machine to a prediction."""

import http.client
import json
import time
import urllib.error
from collections.abc import Collection, Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from local.commands.prepare import built_programs, environment_of, prepare, pulumi_of, samples_of, start_cluster
from local.commands.reach import forward_command, reached
from local.commands.request import post
from local.errors import Failure
from local.paths import INSTANCES, ROOT, Instance
from local.progress import Steps
from local.pulumi_cli.cli import Pulumi
from local.stack import policy_options
from local.waiting import wait_until
from stacks.clouds.config import LocalCluster
from stacks.environment.installed import from_embedded_mirror

#: How long an answer of a server that `pulumi up` saw ready may take to come through a new Service.
ANSWER_SECONDS = 15


def up(stack: str, *, only_cluster: bool = False) -> None:
    """From an empty machine to a prediction; does only what is missing."""
    started = time.monotonic()
    instance = INSTANCES["dev"]
    environment = environment_of(stack)
    with Steps() as steps:
        if isinstance(environment.cluster, LocalCluster):
            entries = from_embedded_mirror(environment)
            samples = samples_of(environment)
            programs = prepare(steps, entries, samples)
            start_cluster(instance, programs, environment.cluster, steps, entries, environment.gpu, samples)
        else:
            programs = built_programs(steps, cluster=False)
        pulumi = pulumi_of(stack, programs, embedded=isinstance(environment.cluster, LocalCluster))
        pulumi.ensure()
        pulumi.ensure_stack()
        if only_cluster:
            steps.say(f"\nThe cluster is up. For pulumi and kubectl: source {instance.folder.relative_to(ROOT)}/env")
            return
        pulumi.up(steps, *policy_options(stack), queued=environment.queueing is not None)
        steps.timings["total"] = time.monotonic() - started
        steps.write_timings(instance.folder / "timings.json")
    predictors = [
        (team.name, server.name) for team in environment.teams for server in team.serving if server.kind == "deployment"
    ]
    show_outputs(pulumi, predictors)
    Console(stderr=True).print(f"[dim]done in {time.monotonic() - started:.0f} s[/dim]")


def show_outputs(pulumi: Pulumi, predictors: Collection[tuple[str, str]]) -> None:
    """The outputs as tables, and for the first predictor a line to try. `predictors`: their teams and names."""
    outputs: Any = pulumi.outputs()
    console = Console(highlight=False)
    table = Table(title="Stack outputs (all of them: make outputs)", title_justify="left", box=box.SIMPLE_HEAD)
    for column in ("team", "workload", "what came of it"):
        table.add_column(column, overflow="fold")
    servers: list[Mapping[str, Any]] = []
    for team, workloads in outputs["teams"].items():
        for name, item in workloads["training"].items():
            model = item["model"]
            table.add_row(team, f"training {name}", f"model {model['name']}, version {model['version']}")
        for name, item in workloads["serving"].items():
            table.add_row(team, f"serving {name}", item["url"])
            if (team, name) in predictors:
                servers.append(item)
    console.print(table)
    if servers:
        server = servers[0]
        console.print("Try it (64 pixels, 0 to 16, row by row):", style="bold")
        if not pulumi.embedded:
            console.print(f"  {' '.join(forward_command(server, '8080'))} &")
        url = server["url"] if pulumi.embedded else "http://localhost:8080"
        console.print(f"  {curl_line(url)}", soft_wrap=True)
        with reached(pulumi, server) as address:
            console.print(f"  -> {_first_answer(address, pulumi.instance)}")
    console.print(
        "\nmake predict    held-out samples through the Service\nmake status     what runs, what waits and why"
    )
    console.print(f"source {pulumi.instance.folder.relative_to(ROOT)}/env    plain pulumi and kubectl on this stack")


#: A handwritten zero, the first sample of the data set: what the printed `curl` line sends.
ZERO = (
    "0,0,5,13,9,1,0,0,0,0,13,15,10,15,5,0,0,3,15,2,0,11,8,0,0,4,12,0,0,8,8,0,"
    "0,5,8,0,0,9,8,0,0,4,11,0,1,12,7,0,0,2,14,5,10,12,0,0,0,0,6,13,10,0,0,0"
)


def curl_line(url: str) -> str:
    return f"curl -s {url}/predict -H 'Content-Type: application/json' -d '{{\"input\": [{ZERO}]}}'"


def _first_answer(url: str, instance: Instance) -> str:
    """What a server says to the printed line. Raises Failure when it does not answer in time."""
    errors: list[Exception] = []

    def ask() -> str | None:
        try:
            return json.dumps(post(f"{url}/predict", {"input": [int(word) for word in ZERO.split(",")]}))
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, urllib.error.HTTPError) and error.code < 500:
                # A predictor of the user's own may expect other input.
                return f"{error.code}: {error.read(200).decode(errors='replace').strip()}"
            errors.append(error)
            return None

    if (answer := wait_until(ask, ANSWER_SECONDS, interval=0.3)) is None:
        raise Failure(f"{url}/predict does not answer: {errors[-1]}", "see 'make status'", instance.logs)
    return answer
