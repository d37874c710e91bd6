"""`kind: ray` without a queue: Ray's autoscaler asks for the workers that the program needs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from tests.embedded import EmbeddedCluster, running, wait_for
from tests.engines.gangs import assert_trained, examples_together, update_beside
from tests.engines.rays import HEAD, IN_HEAD, WORKER, ray_gang

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCluster]:
    stack_file = examples_together(tmp_path_factory.mktemp("stack"), "ray.yaml")
    document = yaml.safe_load(stack_file.read_text())
    environment = document["config"]["ml-platform:environment"]
    del environment["queueing"]
    # Two actors of one CPU each, long enough to be waited for.
    environment["teams"][0]["training"][0]["args"] = ["train", "--epoch-seconds", "1"]
    stack_file.write_text(yaml.safe_dump(document, sort_keys=False))
    with running("platform", stack_file) as started:
        yield started


@pytest.mark.skip(reason="not seen to pass on a cluster yet (issue 11)")
@pytest.mark.proves("training/ray", "workers come and go with the load")
def test_a_second_actor_gets_a_second_worker(cluster: EmbeddedCluster) -> None:
    sweep = ray_gang(cluster)
    with update_beside(cluster) as result:
        wait_for("the operator", lambda: cluster.kubectl("get", "rayjobs", "-A", ok=False).returncode == 0, 240)
        job = sweep.new_job(set())
        wait_for("the first worker", lambda: len(sweep.pods(job, WORKER)) == 1, 180)
        wait_for("the second worker", lambda: len(sweep.pods(job, WORKER)) == 2, 240)
        # Only the container of the autoscaler can ask the API server for anything.
        words = ("exec", "-n", sweep.team, sweep.pods(job, HEAD)[0], *IN_HEAD, "ls /var/run/secrets/kubernetes.io")
        assert "No such file" in cluster.kubectl(*words, ok=False).stderr
    assert result[0].returncode == 0, result[0].stdout + result[0].stderr
    assert_trained(sweep)
