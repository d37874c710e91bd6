"""`kind: stateful` on real pods: replicas keep data, lose a pod, lose a volume, and get it back from a backup."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from images.workloads.feature_store.app import owner_of
from tests.embedded import EmbeddedCluster, running, wait_for
from tests.engines.requests import ask

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(720)]

PART = "serving/stateful"
EXAMPLE = Path(__file__).parents[2] / "examples" / "serving-stateful.yaml"
TEAM, SERVER, REPLICAS = "demo", "features", 3
ENTITIES: dict[str, Any] = {f"user-{number}": {"visits": number, "v": [number / 8, 1.0]} for number in range(60)}
LOST = 1


@pytest.fixture(scope="module")
def cluster() -> Iterator[EmbeddedCluster]:
    with running("platform", EXAMPLE) as started:
        started.up()
        yield started


@pytest.fixture(scope="module")
def url(cluster: EmbeddedCluster) -> str:
    return cluster.outputs()["teams"][TEAM]["serving"][SERVER]["url"]


def content(url: str) -> dict[str, tuple[int, Any]]:
    return {entity: ask(f"{url}/v1/features/{entity}") for entity in ENTITIES}


def whole(url: str) -> bool:
    expected = {entity: (200, {"entity": entity, "features": features}) for entity, features in ENTITIES.items()}
    return content(url) == expected


def pod(cluster: EmbeddedCluster, number: int) -> Any:
    """A replica's pod; an empty one where there is none."""
    done = cluster.kubectl("get", "pod", "-n", TEAM, f"{SERVER}-{number}", "-o", "name", ok=False)
    return cluster.get("pod", "-n", TEAM, f"{SERVER}-{number}") if done.returncode == 0 else {}


def is_ready(found: Any, *, other_than: str = "") -> bool:
    conditions = found.get("status", {}).get("conditions", [])
    return found.get("metadata", {}).get("uid") not in (None, other_than) and any(
        one["type"] == "Ready" and one["status"] == "True" for one in conditions
    )


def run_job(cluster: EmbeddedCluster, what: str, name: str) -> str:
    """Run a Job of one of the server's CronJobs, as the guide says; its log."""
    cluster.kubectl("create", "job", "-n", TEAM, f"--from=cronjob/{SERVER}-{what}", name)

    def ended() -> str:
        status = cluster.get("job", "-n", TEAM, name).get("status", {})
        # Kubernetes says first what will come of it, then that it has ended.
        types = {one["type"] for one in status.get("conditions", []) if one["status"] == "True"}
        return next(iter(types & {"Complete", "Failed"}), "")

    wait_for(f"the Job {name} ended", ended, 120)
    log = cluster.kubectl("logs", "-n", TEAM, f"job/{name}").stdout
    assert ended() == "Complete", log
    return log


@pytest.mark.proves(PART, "answers requests through its Service")
def test_replicas_start_in_their_order_and_answer(cluster: EmbeddedCluster, url: str) -> None:
    pods = [pod(cluster, number) for number in range(REPLICAS)]
    assert all(map(is_ready, pods))
    started = [found["metadata"]["creationTimestamp"] for found in pods]
    assert started == sorted(started)
    for entity, features in ENTITIES.items():
        assert ask(f"{url}/v1/features/{entity}", method="PUT", body=features)[0] == 200
    assert whole(url)


@pytest.mark.proves(PART, "refuses bad input")
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"a": {}}'])
def test_bad_input_gets_a_clear_400(url: str, body: bytes) -> None:
    status, answer = ask(f"{url}/v1/features/ada", method="PUT", body=body)
    assert status == 400
    assert answer["error"]


@pytest.mark.proves(PART, "a second up and a refresh change nothing")
def test_nothing_drifts(cluster: EmbeddedCluster) -> None:
    cluster.up("--expect-no-changes")
    cluster.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    cluster.up("--expect-no-changes")


@pytest.mark.proves(PART, "keeps its data when a pod is lost")
def test_a_lost_pod_keeps_its_data(cluster: EmbeddedCluster, url: str) -> None:
    before = pod(cluster, LOST)["metadata"]["uid"]
    cluster.kubectl("delete", "pod", "-n", TEAM, f"{SERVER}-{LOST}", "--grace-period=0", "--force")
    wait_for("the replica is back", lambda: is_ready(pod(cluster, LOST), other_than=before), 120)
    wait_for("all replicas answer with what they had", lambda: whole(url), 30)


@pytest.mark.proves(PART, "restores a lost volume from a backup")
def test_a_lost_volume_comes_back_from_a_backup(cluster: EmbeddedCluster, url: str) -> None:
    assert "backup made" in run_job(cluster, "backup", "backup-now")
    before = pod(cluster, LOST)["metadata"]["uid"]
    cluster.kubectl("delete", "pvc", "-n", TEAM, f"data-{SERVER}-{LOST}", "--wait=false")
    cluster.kubectl("delete", "pod", "-n", TEAM, f"{SERVER}-{LOST}")
    wait_for("the replica is back", lambda: is_ready(pod(cluster, LOST), other_than=before), 120)
    lost = {entity for entity in ENTITIES if owner_of(entity, REPLICAS) == LOST}
    assert lost
    wait_for(
        "it has lost what it kept, and the others have not",
        lambda: {entity for entity, (status, _) in content(url).items() if status == 404} == lost,
        30,
    )
    assert f'"entities": {len(ENTITIES)}' in run_job(cluster, "restore", "restore-now")
    assert whole(url)


@pytest.mark.proves(PART, "destroy leaves nothing")
def test_destroy_leaves_nothing(cluster: EmbeddedCluster) -> None:
    cluster.run("destroy", "--yes", "--skip-preview")
    assert cluster.kubectl("get", "namespace", TEAM, ok=False).returncode != 0
    wait_for("no volume is left", lambda: not cluster.get("persistentvolumes")["items"], 60)
