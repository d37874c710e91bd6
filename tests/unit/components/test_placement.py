"""Where pods go."""

from __future__ import annotations

from typing import Any, cast

from components.placement import (
    HOST,
    ZONE,
    Placement,
    Spread,
    affinity,
    spread_constraints,
    spreads_of_server,
    team_toleration,
)
from components.pods import GPU_CLAIM, Program, Resources, container, pod_spec
from components.priorities.names import PLATFORM, PREEMPTIBLE, SERVING, TRAINING


def test_without_wishes_there_is_no_affinity() -> None:
    assert affinity(Placement()) is None


def test_labels_of_nodes_are_demanded_together_and_wished_for_each() -> None:
    built = affinity(Placement(required_nodes={"b": ["1", "2"], "a": ["x"]}, preferred_nodes={"zone": ["east"]}))
    assert built == {
        "node_affinity": {
            "required_during_scheduling_ignored_during_execution": {
                "node_selector_terms": [
                    {
                        "match_expressions": [
                            {"key": "a", "operator": "In", "values": ["x"]},
                            {"key": "b", "operator": "In", "values": ["1", "2"]},
                        ]
                    }
                ]
            },
            "preferred_during_scheduling_ignored_during_execution": [
                {
                    "weight": 100,
                    "preference": {"match_expressions": [{"key": "zone", "operator": "In", "values": ["east"]}]},
                }
            ],
        }
    }


def test_company_is_sought_and_shunned_by_the_labels_of_servers() -> None:
    built = cast("dict[str, Any]", affinity(Placement(near=["cache"], away=["noisy"])))
    for kind, name in (("pod_affinity", "cache"), ("pod_anti_affinity", "noisy")):
        (wish,) = built[kind]["preferred_during_scheduling_ignored_during_execution"]
        assert wish["pod_affinity_term"] == {
            "topology_key": "kubernetes.io/hostname",
            "label_selector": {
                "match_labels": {"app.kubernetes.io/name": name, "app.kubernetes.io/component": "serving"}
            },
        }


def test_a_server_spreads_over_zones_and_hosts_unless_it_says_how() -> None:
    assert spreads_of_server(()) == (Spread(topology=ZONE), Spread(topology=HOST))
    strict = Spread(topology=HOST, max_skew=2, required=True)
    assert spreads_of_server([strict]) == (Spread(topology=ZONE), strict)


def test_spread_constraints() -> None:
    (wish, rule) = spread_constraints(
        [Spread(topology=ZONE), Spread(topology=HOST, max_skew=2, required=True)], {"a": "b"}, revisions=True
    )
    assert wish["when_unsatisfiable"] == "ScheduleAnyway"
    assert rule == {
        "max_skew": 2,
        "topology_key": "kubernetes.io/hostname",
        "when_unsatisfiable": "DoNotSchedule",
        "label_selector": {"match_labels": {"a": "b"}},
        "match_label_keys": ["pod-template-hash"],
    }
    assert "match_label_keys" not in spread_constraints([Spread(topology=ZONE)], {})[0]


def test_a_team_bears_the_taint_of_its_own_pools_only() -> None:
    assert team_toleration("red") == {
        "key": "ml-platform/team",
        "operator": "Equal",
        "value": "red",
        "effect": "NoSchedule",
    }


def test_a_pod_with_a_claim_is_gpu_work() -> None:
    resources = Resources(requests={"cpu": "1"}, limits={"cpu": "1"}, claim_template="gpus-2")
    main = container("main", Program(image="i:1", resources=resources), variables={})
    built: Any = pod_spec(main, service_account="a", placement=Placement(), resources=resources)
    assert built["resource_claims"] == [{"name": GPU_CLAIM, "resource_claim_template_name": "gpus-2"}]
    assert built["containers"][0]["resources"]["claims"] == [{"name": GPU_CLAIM}]
    assert built["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]


def test_servers_go_before_training_and_preemptible_work_makes_way_for_all() -> None:
    values = {priority.name: priority.value for priority in PLATFORM}
    assert values[SERVING] > values[TRAINING] > 0 > values[PREEMPTIBLE]
    assert [priority.name for priority in PLATFORM if not priority.preempts] == [PREEMPTIBLE]
