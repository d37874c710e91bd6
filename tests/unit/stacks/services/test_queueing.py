"""Queues: what teams own, borrow and lend, and what becomes of it in Kueue's objects and in Jobs."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import yaml

from components.queueing.kueue import Gangs, GpuFlavor, cohort_spec, manager_config
from components.queueing.names import PRIORITY_LABEL, QUEUE_LABEL
from components.queueing.team_queue import quota
from components.training.engines import frameworks_of
from stacks.clouds.pools import PoolFacts
from stacks.environment.config import Environment
from stacks.queueing.build import share_of
from stacks.queueing.config import QueueingConfig
from stacks.queueing.quotas import Amount, QueueQuotas, amount, gpu_pools, quotas_of, shared_gpus
from stacks.workloads.place import Queues
from tests.sound import sound
from tests.unit.recorder import Deployed
from tests.unit.stacks.conftest import Deploy
from tests.unit.stacks.programs import SERVING, TRAINING, environment, team, with_training

A100 = {"name": "a100", "count": 2, "gpus": 8, "instanceType": "p4d.24xlarge"}
ZERO = Fraction(0)
H100 = {"name": "h100", "count": 1, "gpus": 8, "instanceType": "p5.48xlarge"}
CLUSTER_QUEUE, LOCAL_QUEUE = "demo-queue-clusterqueue", "demo-local-queue-localqueue"
PREPARE, TRAIN = "demo-training-digits-prepare", "demo-training-digits-train"


def config(*teams: dict[str, Any], pools: tuple[dict[str, Any], ...] = (A100,), **queueing: Any) -> dict[str, Any]:
    """An environment with queues on simulated nodes."""
    cluster = {"kind": "local", "simulatedNodes": list(pools)}
    return environment(cluster=cluster, queueing=queueing, teams=list(teams) or [team()])


def bare(name: str, **keys: Any) -> dict[str, Any]:
    """A team without workloads."""
    return {"name": name, **keys}


def pools_of(environment: Environment) -> tuple[PoolFacts, ...]:
    return gpu_pools(environment.cluster, environment.gpu, environment.queueing)


def quotas(environment: Environment, index: int) -> QueueQuotas:
    cohort = environment.queueing is not None and environment.queueing.cohort is not None
    return quotas_of(environment.teams[index], pools_of(environment), cohort=cohort)


def shared(environment: Environment) -> dict[str, int]:
    return shared_gpus(environment.teams, pools_of(environment), cohort=True)


def gpus_of(environment: Environment, index: int = 0) -> dict[str, Amount]:
    return dict(quotas(environment, index).gpus)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        # Neither quota nor queue: not limited.
        ({"room": None, "nominal": None}, None),
        # The quota alone: all that it leaves is the team's own, and nothing may be borrowed beside it.
        ({"room": 8, "nominal": None}, Amount(nominal=Fraction(8), borrowing=ZERO)),
        # The queue alone: it may borrow whatever is idle.
        ({"room": None, "nominal": 4}, Amount(nominal=Fraction(4))),
        # Both: it may borrow up to the quota.
        ({"room": 8, "nominal": 4}, Amount(nominal=Fraction(4), borrowing=Fraction(4))),
        ({"room": 8, "nominal": 4, "borrowing": 1}, Amount(nominal=Fraction(4), borrowing=Fraction(1))),
        (
            {"room": 8, "nominal": 4, "lending": 0},
            Amount(nominal=Fraction(4), borrowing=Fraction(4), lending=Fraction(0)),
        ),
    ],
)
def test_what_a_queue_owns_and_may_borrow(said: dict[str, int | None], expected: Amount | None) -> None:
    exact = {name: None if value is None else Fraction(value) for name, value in said.items()}
    found = amount(
        room=exact["room"],
        nominal=exact["nominal"],
        cohort=True,
        **{name: value for name, value in exact.items() if name in ("borrowing", "lending")},
    )
    assert found == expected
    if expected is not None:
        # Kueue refuses limits of a queue without a cohort.
        alone = amount(room=exact["room"], nominal=exact["nominal"], cohort=False)
        assert alone == Amount(nominal=expected.nominal)


def test_servers_come_off_the_quota_at_full_load() -> None:
    # 4 replicas and one more in a rollout, each with 1 GPU and 2 CPUs.
    serving = {**SERVING, "resources": {"cpu": "2", "gpus": 1}}
    made = sound(Environment, config(team(serving=[serving], quota={"cpu": "16", "gpus": 8}), cohort="ml"))
    found = quotas(made, 0)
    assert found.resources["cpu"] == Amount(nominal=Fraction(6), borrowing=ZERO)
    assert found.gpus["a100"] == Amount(nominal=Fraction(3), borrowing=ZERO)
    assert shared(made) == {"a100": 16 - 3 - 5}


def test_gpus_that_nobody_owns_are_the_cohorts() -> None:
    teams = (
        bare("red", queue={"gpus": {"a100": 6}}),
        bare("blue", queue={"gpus": {"a100": 4, "h100": 8}}),
        bare("guests"),
    )
    made = sound(Environment, config(*teams, pools=(A100, H100), cohort="ml"))
    assert shared(made) == {"a100": 6, "h100": 0}
    assert gpus_of(made, 2) == {"a100": Amount(nominal=Fraction(0)), "h100": Amount(nominal=Fraction(0))}


def test_one_quota_over_several_pools_bounds_borrowing_of_each() -> None:
    made = sound(
        Environment,
        config(bare("red", quota={"gpus": 8}, queue={"gpus": {"a100": 4, "h100": 2}}), pools=(A100, H100), cohort="ml"),
    )
    assert gpus_of(made) == {
        "a100": Amount(nominal=Fraction(4), borrowing=Fraction(2)),
        "h100": Amount(nominal=Fraction(2), borrowing=Fraction(2)),
    }


def test_the_pools_of_an_existing_cluster_are_the_declared_flavors() -> None:
    flavor = {"name": "t4", "nodeLabels": {"gpu": "t4"}, "gpus": 4}
    made = sound(Environment, environment(cluster={"kind": "existing"}, queueing={"flavors": [flavor]}))
    (pool,) = pools_of(made)
    assert (pool.name, dict(pool.node_labels), pool.gpus) == ("t4", {"gpu": "t4"}, 4)


def test_queues_count_whole_gpus_of_pools_that_are_open_to_the_team() -> None:
    pools = (
        A100 | {"dedicatedTo": "red"},
        H100,
        {"name": "slices", "count": 1, "gpus": 4, "instanceType": "g6.12xlarge"},
    )
    slicing = {
        "driver": "device-plugin",
        "pools": [{"name": "slices", "sharing": {"kind": "time-slicing", "replicas": 4}}],
    }
    made = sound(
        Environment,
        config(bare("red", queue={"gpus": {"a100": 8}}), bare("blue"), pools=pools, cohort="ml") | {"gpu": slicing},
    )
    assert [pool.name for pool in pools_of(made)] == ["a100", "h100"]
    assert set(gpus_of(made, 0)) == {"a100", "h100"}
    assert set(gpus_of(made, 1)) == {"h100"}
    assert shared(made) == {"a100": 8, "h100": 8}


@pytest.mark.parametrize(
    ("resource", "nominal", "text"),
    [("cpu", Fraction(5, 2), "2500m"), ("memory", Fraction(1024**3), "1Gi"), ("gpus", ZERO, "0")],
)
def test_amounts_are_written_as_quantities(resource: str, nominal: Fraction, text: str) -> None:
    said = quota(resource, share_of(resource, Amount(nominal=nominal, borrowing=ZERO)))
    assert said == {"name": resource, "nominalQuota": text, "borrowingLimit": "0"}


def test_a_cohort_holds_a_quota_only_where_something_is_left() -> None:
    flavors = [GpuFlavor(name="a100", node_labels={}, shared=0), GpuFlavor(name="h100", node_labels={}, shared=3)]
    assert cohort_spec(flavors[:1]) == {}
    (group,) = cohort_spec(flavors)["resourceGroups"]
    assert [(one["name"], one["resources"][0]["nominalQuota"]) for one in group["flavors"]] == [
        ("a100", "0"),
        ("h100", "3"),
    ]


@pytest.mark.parametrize("fair_sharing", [True, False])
def test_kueues_configuration(fair_sharing: bool) -> None:
    gangs = Gangs(timeout_seconds=300, backoff_seconds=5, retries=2)
    made = manager_config(frameworks_of({"pytorch"}), fair_sharing=fair_sharing, gangs=gangs)
    assert made["integrations"]["frameworks"] == ["batch/job", "trainer.kubeflow.org/trainjob"]
    assert ("fairSharing" in made) is fair_sharing
    ready = made["waitForPodsReady"]
    assert ready["timeout"] == "300s"
    assert ready["requeuingStrategy"] == {"timestamp": "Eviction", "backoffBaseSeconds": 5, "backoffLimitCount": 2}
    # Only teams' namespaces: a Job of anybody else must not depend on Kueue's webhooks. And no pods or servers.
    (selector,) = made["managedJobsNamespaceSelector"]["matchExpressions"]
    assert selector == {"key": "ml-platform/team", "operator": "Exists"}
    assert not {"pod", "deployment", "statefulset"} & set(made["integrations"]["frameworks"])


# --- the graph ------------------------------------------------------------------------------------


def queued(deploy: Deploy) -> Deployed:
    training = {**TRAINING, "resources": {"gpus": 4}, "queuePriority": "high"}
    return deploy(
        config(
            team(training=[training], queue={"gpus": 8, "weight": 2}),
            cohort="ml",
            fairSharing=True,
            priorities=[{"name": "high", "value": 100}],
            wait="1h",
        )
    )


def test_a_queue_for_each_team_behind_its_local_queue(deploy_environment: Deploy) -> None:
    graph = queued(deploy_environment).graph
    spec = graph.one("ClusterQueue", CLUSTER_QUEUE).inputs["spec"]
    assert spec["cohortName"] == "ml"
    assert spec["fairSharing"] == {"weight": "2"}
    # A nil selector would admit nothing, an empty one everybody.
    assert spec["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": "demo"}}
    (gpus,) = spec["resourceGroups"]
    assert gpus == {
        "coveredResources": ["nvidia.com/gpu"],
        "flavors": [{"name": "a100", "resources": [{"name": "nvidia.com/gpu", "nominalQuota": "8"}]}],
    }
    local = graph.one("LocalQueue", LOCAL_QUEUE).inputs
    assert (local["metadata"]["name"], local["metadata"]["namespace"]) == ("default", "demo")
    assert local["spec"] == {"clusterQueue": "demo"}
    flavor = next(found for found in graph.of_kind("ResourceFlavor") if found.inputs["metadata"]["name"] == "a100")
    assert flavor.inputs["spec"]["nodeLabels"] == {"ml-platform/node-pool": "a100"}


def test_jobs_start_suspended_in_the_queue(deploy_environment: Deploy) -> None:
    graph = queued(deploy_environment).graph
    for job in (graph.one("Job", PREPARE), graph.one("Job", TRAIN)):
        assert job.inputs["spec"]["suspend"] is True
        assert (job.labels[QUEUE_LABEL], job.labels[PRIORITY_LABEL]) == ("default", "high")
        assert graph.one("LocalQueue", LOCAL_QUEUE).urn in job.depends_on
        # Pulumi waits as long as the queue may take, and the Job's deadline counts from its start.
        assert int(job.create_timeout.removesuffix("s")) > 3600 + job.inputs["spec"]["activeDeadlineSeconds"]


def test_queueing_trains_nothing_again(deploy_environment: Deploy) -> None:
    """What is new on a Job is among the fields that Pulumi leaves as they are, so a trained one is not touched."""
    config_with_queues = config(team(training=[{**TRAINING, "resources": {"gpus": 4}}]))
    before = deploy_environment({key: value for key, value in config_with_queues.items() if key != "queueing"})
    after = queued(deploy_environment)
    for name in (PREPARE, TRAIN):
        old, new = before.graph.one("Job", name), after.graph.one("Job", name)
        assert old.urn == new.urn
        assert {**old.inputs["spec"], "suspend": True} == new.inputs["spec"]
        assert {*new.labels.items()} - {*old.labels.items()} == {(QUEUE_LABEL, "default"), (PRIORITY_LABEL, "high")}
        assert {"spec.suspend", f'metadata.labels["{QUEUE_LABEL}"]', f'metadata.labels["{PRIORITY_LABEL}"]'} <= set(
            new.ignore_changes
        )


def test_everything_of_kueue_dies_before_kueue(deploy_environment: Deploy) -> None:
    graph = queued(deploy_environment).graph
    release = graph.one("Release").urn
    objects = [found for found in graph.objects() if ":kueue.x-k8s.io/" in found.type]
    assert len(objects) == 6
    assert all(release in graph.before(found) for found in objects)
    # Only with the namespace all workloads of a ClusterQueue are gone, and only Kueue removes their finalizers.
    assert {release, graph.one("ClusterQueue", CLUSTER_QUEUE).urn} <= graph.before(
        graph.one("Namespace", "demo-namespace")
    )
    assert graph.one("ResourceFlavor", "queueing-resourceflavor-a100").urn in graph.before(
        graph.one("ClusterQueue", CLUSTER_QUEUE)
    )


def test_kueues_image_is_the_catalogs(deploy_environment: Deploy) -> None:
    values = queued(deploy_environment).graph.one("Release").inputs["values"]
    image = values["controllerManager"]["manager"]["image"]
    assert image["repository"] == "registry.k8s.io/kueue/kueue"
    assert image["pullPolicy"] == "IfNotPresent"
    parsed = yaml.safe_load(values["managerConfig"]["controllerManagerConfigYaml"])
    assert parsed["kind"] == "Configuration"


def test_without_queueing_there_is_nothing_of_it(deploy_environment: Deploy) -> None:
    graph = deploy_environment(with_training()).graph
    assert not [found for found in graph.objects() if "kueue" in found.type or found.kind == "Release"]
    assert "suspend" not in graph.one("Job", TRAIN).inputs["spec"]
    assert QUEUE_LABEL not in graph.one("Job", TRAIN).labels


def test_a_stack_of_a_teams_own_leaves_the_queue_to_kueue() -> None:
    queued = Queues(name=None, wait_seconds=QueueingConfig().wait).queued("high")
    # No label and no suspended Job: where there is no Kueue, nobody would ever start it.
    assert queued.labels() == {PRIORITY_LABEL: "high"}
    assert queued.wait_seconds > 0
