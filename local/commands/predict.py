"""`make predict`: held-out samples through the Service of each model server."""

import http.client
import json
import subprocess
from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from local.commands.prepare import existing_pulumi
from local.commands.reach import reached
from local.commands.request import post
from local.errors import Failure
from local.pulumi_cli.cli import Pulumi
from local.stack import read_environment, stack_file

# In a server's pod: the held-out samples that its training put beside the model, on a volume or in a bucket.
READ_SAMPLES = """\
samples="$MODEL_ROOT/$MODEL_NAME/$MODEL_VERSION/samples.json"
case "$samples" in s3:*) exec python3 -m workloads.predictor.objects "$samples";; esac
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
        for server in team.model_servers:
            item: Any = outputs["teams"][team.name]["serving"][server.name]  # pyright: ignore
            _predict_one(pulumi, item, server.model, count, console)


def _predict_one(pulumi: Pulumi, item: Mapping[str, Any], model: str, count: int, console: Console) -> None:
    namespace, workload = item["namespace"], f"{item['workload']['kind']}/{item['workload']['name']}"
    done = subprocess.run(
        ["kubectl", "exec", "--namespace", namespace, workload, "--", "sh", "-c", READ_SAMPLES],
        env=pulumi.cluster_environment(),
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
    with reached(pulumi, item) as address:
        url = f"{address}/v1/models/{model}:predict"
        try:
            predictions = post(url, {"instances": samples["inputs"]})["predictions"]
        except (OSError, http.client.HTTPException) as error:
            raise Failure(f"{url} does not answer: {error}", "see 'make status'", pulumi.instance.logs) from None
    table = Table(
        title=f"{namespace}/{item['workload']['name']}: {item['url']}", title_justify="left", box=box.SIMPLE_HEAD
    )
    for column in ("sample", "label", "prediction", ""):
        table.add_column(column, justify="right")
    pairs = list(zip(labels, predictions, strict=True))
    for number, (label, prediction) in enumerate(pairs[:count]):
        table.add_row(str(number), str(label), str(prediction), "" if label == prediction else "wrong")
    console.print(table)
    right = sum(label == prediction for label, prediction in pairs)
    console.print(f"{len(pairs)} held-out samples sent, {right} right: accuracy {right / len(pairs):.4f}")
