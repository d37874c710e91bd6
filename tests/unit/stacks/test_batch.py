"""`batch:` and `schedule:`: what becomes of entries, and that they count as what they are."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from stacks.environment.config import Environment
from stacks.environment.installed import sample_images
from stacks.workloads.pod_sets import peak, total
from tests.sound import sound
from tests.unit.pod_security import violations
from tests.unit.stacks.conftest import Deploy
from tests.unit.stacks.programs import ROOT, TRAINING, environment, team, volume

BATCH: dict[str, Any] = {
    "name": "nightly",
    "image": "registry.example/predictor:1",
    "model": "digits",
    "data": "datasets",
    "output": "answers",
    "shards": 8,
    "parallelism": 4,
    "resources": {"cpu": "500m", "memory": "1Gi"},
}
DAILY: dict[str, Any] = {"schedule": "0 3 * * *", "timeZone": "Europe/Berlin"}


def config(training: dict[str, Any] | None = None, **batch: Any) -> dict[str, Any]:
    entry = {key: value for key, value in {**BATCH, **batch}.items() if value is not None}
    return environment(
        queueing={},
        storage=[volume("datasets"), volume("models"), volume("answers")],
        teams=[
            team(
                training=[{**TRAINING, **(training or {})}],
                serving=[],
                batch=[entry],
                quota={"cpu": "8", "memory": "16Gi", "pods": 20},
            )
        ],
    )


def variables_of(container: dict[str, Any]) -> dict[str, Any]:
    return {one["name"]: one.get("value") for one in container["env"]}


def named(graph: Any, kind: str, start: str) -> Any:
    (found,) = [one for one in graph.of_kind(kind) if one.inputs["metadata"]["name"].startswith(start)]
    return found


def test_an_indexed_job_in_the_queue(deploy_environment: Deploy) -> None:
    deployed = deploy_environment(config())
    job = named(deployed.graph, "Job", "nightly-batch-")
    name = job.inputs["metadata"]["name"]
    version = name.removeprefix("nightly-batch-")
    spec = job.inputs["spec"]
    assert job.inputs["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "default"
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 8, 4)
    assert (spec["backoffLimitPerIndex"], spec["maxFailedIndexes"], spec["suspend"]) == (2, 0, True)
    pod = spec["template"]["spec"]
    assert violations(pod) == []
    assert pod["automountServiceAccountToken"] is False
    (container,) = pod["containers"]
    assert container["args"] == ["batch"]
    assert {one["name"]: one.get("readOnly", False) for one in container["volumeMounts"]} == {
        "tmp": False,
        "storage-datasets": True,
        "storage-models": True,
        "storage-answers": False,
    }
    variables = variables_of(container)
    train = variables_of(
        named(deployed.graph, "Job", "digits-train-").inputs["spec"]["template"]["spec"]["containers"][0]
    )
    assert variables["DATA_DIR"] == train["DATA_DIR"]
    assert variables["MODEL_VERSION"] == train["MODEL_VERSION"]
    assert variables["OUTPUT_DIR"] == f"/output/nightly/{version}"
    assert variables["SHARDS"] == "8"
    assert "SCHEDULED_JOB" not in variables
    # It needs the model.
    assert named(deployed.graph, "Job", "digits-train-").urn in deployed.graph.before(job)


def test_the_outputs_name_workload_and_folder(deploy_environment: Deploy) -> None:
    deployed = deploy_environment(config())
    made = deployed.result["teams"]["demo"]["batch"]["nightly"]
    job = named(deployed.graph, "Job", "nightly-batch-").inputs["metadata"]["name"]
    assert made == {
        "namespace": "demo",
        "workload": {"kind": "Job", "name": job},
        "version": job.removeprefix("nightly-batch-"),
        "path": f"/output/nightly/{job.removeprefix('nightly-batch-')}",
    }


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"parallelism": 2}, True),
        ({"timeout": "2h"}, True),
        ({"shards": 9}, False),
        ({"rerun": "again"}, False),
        ({"input": "today"}, False),
        ({"version": "v0123456789"}, False),
    ],
)
def test_what_runs_again(deploy_environment: Deploy, change: dict[str, Any], same: bool) -> None:
    before, after = (
        named(deploy_environment(config(**more)).graph, "Job", "nightly-batch-").inputs["metadata"]["name"]
        for more in ({}, change)
    )
    assert (before == after) is same


@pytest.mark.parametrize(
    ("change", "folder"),
    [({"input": "incoming/today"}, "/data/incoming/today"), ({"data": "models"}, "/data")],
)
def test_what_it_reads(deploy_environment: Deploy, change: dict[str, Any], folder: str) -> None:
    job = named(deploy_environment(config(**change)).graph, "Job", "nightly-batch-")
    assert variables_of(job.inputs["spec"]["template"]["spec"]["containers"][0])["DATA_DIR"] == folder


def test_a_schedule_makes_jobs_that_wait_in_the_queue(deploy_environment: Deploy) -> None:
    graph = deploy_environment(config(**DAILY)).graph
    cron = graph.one("CronJob").inputs
    assert cron["metadata"]["name"] == "nightly-batch"
    assert (cron["spec"]["schedule"], cron["spec"]["timeZone"]) == ("0 3 * * *", "Europe/Berlin")
    assert cron["spec"]["concurrencyPolicy"] == "Forbid"
    template = cron["spec"]["jobTemplate"]
    assert template["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "default"
    assert template["spec"]["completions"] == 8
    (container,) = template["spec"]["template"]["spec"]["containers"]
    source = container["env"][0]
    assert source["name"] == "SCHEDULED_JOB"
    assert source["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.labels['batch.kubernetes.io/job-name']"


def test_a_schedule_of_a_training_prepares_and_trains_in_one_pod(deploy_environment: Deploy) -> None:
    graph = deploy_environment(config(training=DAILY)).graph
    trained = named(graph, "Job", "digits-train-").inputs
    version = trained["metadata"]["name"].removeprefix("digits-train-")
    cron = graph.one("CronJob").inputs
    assert cron["metadata"]["name"] == "digits-retrain"
    pod = cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert violations(pod) == []
    (prepare,), (train,) = pod["initContainers"], pod["containers"]
    assert (prepare["args"], train["args"]) == (["preprocess"], ["train"])
    first = variables_of(trained["spec"]["template"]["spec"]["containers"][0])
    again = variables_of(train)
    assert again["MODEL_VERSION"] == f"{version}-$(SCHEDULED_JOB)"
    assert again["MODEL_DIR"] == f"/models/digits/{version}-$(SCHEDULED_JOB)"
    assert again["DATA_DIR"] == variables_of(prepare)["DATA_DIR"] == f"{first['DATA_DIR']}-$(SCHEDULED_JOB)"
    # Kubernetes replaces only what was said before.
    assert all(one["env"][0]["name"] == "SCHEDULED_JOB" for one in (prepare, train))
    # The recipe of `pulumi up` is what it is without a schedule.
    without = named(deploy_environment(config()).graph, "Job", "digits-train-").inputs
    assert without["metadata"]["name"] == trained["metadata"]["name"]


def test_it_counts_with_the_pods_that_run_at_a_time() -> None:
    made = sound(Environment, config())
    (entry,) = made.teams[0].batch
    assert total(peak(entry, "cpu"), "cpu") == 2
    assert total(peak(entry, "pods"), "pods") == 4
    assert made.teams[0].storage_names() == ("datasets", "models", "answers")


def test_the_example_is_sound_and_says_its_images(deploy_environment: Deploy) -> None:
    file = yaml.safe_load((ROOT / "examples" / "batch.yaml").read_text(encoding="utf-8"))
    config = file["config"]["ml-platform:environment"]
    assert sample_images(sound(Environment, config)) == {"trainer", "predictor"}
    graph = deploy_environment(config).graph
    assert {one.inputs["metadata"]["name"] for one in graph.of_kind("CronJob")} == {"digits-retrain", "nightly-batch"}
