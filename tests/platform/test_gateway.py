"""The gateway and the routes on a real API server, with the Gateway API's real definitions.

No controller can be had on this machine, so what is proved is that the objects are what the definitions want and that
they point at each other; not that a request gets through.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from components import catalog
from tests.embedded import EmbeddedCluster

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

Change = Callable[[Any], None]


def route_of(platform: EmbeddedCluster) -> Any:
    return platform.get("httproute", "digits", "-n", "vision")


def test_the_definitions_are_those_of_the_catalog(platform: EmbeddedCluster) -> None:
    definition = platform.get("customresourcedefinition", "httproutes.gateway.networking.k8s.io")
    version = definition["metadata"]["annotations"]["gateway.networking.k8s.io/bundle-version"]
    assert version == catalog.load().manifest("gateway-api").version


@pytest.mark.proves("gateway", "a host and a path for each server")
def test_a_route_leads_from_the_gateway_to_a_server_that_answers(platform: EmbeddedCluster) -> None:
    spec = route_of(platform)["spec"]
    (parent,) = spec["parentRefs"]
    gateway = platform.get("gateway", parent["name"], "-n", parent["namespace"])
    (listener,) = gateway["spec"]["listeners"]
    (host,) = spec["hostnames"]
    assert host.endswith(listener["hostname"].removeprefix("*"))
    (backend,) = spec["rules"][0]["backendRefs"]
    service = platform.get("service", backend["name"], "-n", "vision")
    assert backend["port"] in [port["port"] for port in service["spec"]["ports"]]
    slices = platform.get("endpointslices", "-n", "vision", "-l", f"kubernetes.io/service-name={backend['name']}")
    assert any(endpoint["conditions"]["ready"] for one in slices["items"] for endpoint in one.get("endpoints") or [])
    assert platform.outputs()["teams"]["vision"]["serving"]["digits"]["route"] == f"https://{host}/digits"


@pytest.mark.proves("gateway", "only teams' namespaces attach routes")
def test_only_namespaces_of_teams_may_attach_routes(platform: EmbeddedCluster) -> None:
    gateway = platform.get("gateway", "ml-platform", "-n", "gateway-system")
    (expression,) = gateway["spec"]["listeners"][0]["allowedRoutes"]["namespaces"]["selector"]["matchExpressions"]
    assert expression["operator"] == "Exists"
    allowed = {one["metadata"]["name"] for one in platform.get("namespaces", "-l", expression["key"])["items"]}
    assert allowed == set(platform.outputs()["teams"])


@pytest.mark.parametrize("group", ["vision-leads", "vision-engineers", "vision-readers"])
def test_no_member_of_a_team_makes_routes(platform: EmbeddedCluster, group: str) -> None:
    words = ("auth", "can-i", "create", "httproutes.gateway.networking.k8s.io", "-n", "vision")
    done = platform.kubectl(*words, "--as=someone", f"--as-group={group}", ok=False)
    assert done.stdout.strip() == "no"


def test_the_certificate_s_namespace_lends_one_secret(platform: EmbeddedCluster) -> None:
    grants = platform.get("referencegrants.gateway.networking.k8s.io", "-A")["items"]
    assert [(grant["metadata"]["namespace"], grant["spec"]["to"]) for grant in grants] == [
        ("kube-system", [{"group": "", "kind": "Secret", "name": "models-tls"}])
    ]


def _unknown_field(route: Any) -> None:
    route["spec"]["hostname"] = route["spec"]["hostnames"][0]


def _upper_case_host(route: Any) -> None:
    route["spec"]["hostnames"] = ["Vision.example.org"]


def _double_slash(route: Any) -> None:
    route["spec"]["rules"][0]["matches"][0]["path"]["value"] = "/a//b"


def _endless_timeout(route: Any) -> None:
    route["spec"]["rules"][0]["timeouts"]["request"] = "for ever"


def _service_without_port(route: Any) -> None:
    del route["spec"]["rules"][0]["backendRefs"][0]["port"]


@pytest.mark.parametrize(
    "change", [_unknown_field, _upper_case_host, _double_slash, _endless_timeout, _service_without_port]
)
def test_what_a_route_may_not_say_is_refused(platform: EmbeddedCluster, change: Change) -> None:
    """So that "accepted" means something: the definitions, and not just the form of an object, are checked."""
    good = route_of(platform)
    good["metadata"] = {"name": "mutant", "namespace": "vision"}
    good.pop("status", None)
    bad = copy.deepcopy(good)
    change(bad)
    words = ("create", "--dry-run=server", "--validate=strict", "-f", "-")
    platform.kubectl(*words, stdin=json.dumps(good))
    assert platform.kubectl(*words, stdin=json.dumps(bad), ok=False).returncode != 0
