"""The gateway, routes of servers, and the mesh of an environment."""

from __future__ import annotations

from typing import Any

import pytest

from components.gateway.gateway import NAMESPACE
from stacks.serving.route import check_host, check_route_path
from tests.unit.recorder import Deployed, Registration
from tests.unit.stacks.conftest import Deploy
from tests.unit.stacks.programs import SERVING, TRAINING, environment, team
from tests.unit.stacks.test_training import name_of

TLS: dict[str, Any] = {"className": "envoy", "domain": "models.example.org", "tls": {"secret": "models-tls"}}
PLAIN: dict[str, Any] = {"className": "envoy", "domain": "models.example.org", "plainHttp": True}


def routed(route: dict[str, Any], gateway: dict[str, Any] = TLS) -> dict[str, Any]:
    server = {**SERVING, "route": route}
    return environment(gateway=gateway, teams=[team(serving=[server])])


@pytest.mark.parametrize(
    ("host", "good"),
    [
        ("a.b", True),
        ("vision.models.example.org", True),
        ("xn--mller-kva.example", True),
        ("models", False),
        ("*.example.org", False),
        ("Models.example.org", False),
        ("example.org:443", False),
        ("example.org.", False),
        ("10.0.0.1", False),
        ("-a.example.org", False),
        (f"{'a' * 64}.example.org", False),
        (".".join(["a" * 60] * 5), False),
        (None, False),
    ],
)
def test_host_names(host: Any, good: bool) -> None:
    if good:
        assert check_host(host) == host
    else:
        with pytest.raises(ValueError, match="; write a full DNS name"):
            check_host(host)


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/", "/"),
        ("/digits", "/digits"),
        ("/digits/", "/digits"),
        ("/v1/models/a:b", "/v1/models/a:b"),
        ("digits", None),
        ("//", None),
        ("/a//b", None),
        ("/a/./b", None),
        ("/a/..", None),
        ("/a%2Fb", None),
        ("/a b", None),
    ],
)
def test_path_prefixes(path: str, kept: str | None) -> None:
    if kept:
        assert check_route_path(path) == kept
    else:
        with pytest.raises(ValueError, match="; "):
            check_route_path(path)


def test_without_a_gateway_there_is_nothing_of_one(deploy_environment: Deploy) -> None:
    deployed = deploy_environment(environment())
    assert not {"Gateway", "HTTPRoute", "ReferenceGrant", "Definitions", "ServerRoute"} & {
        found.kind for found in deployed.graph.registrations
    }
    assert deployed.result["teams"]["demo"]["serving"]["digits"]["route"] is None


def test_a_gateway_lets_in_the_domain_by_tls_and_the_routes_of_teams_only(deploy_environment: Deploy) -> None:
    deployed = deploy_environment(routed({}))
    gateway = gateway_of(deployed)
    assert gateway.inputs["metadata"] == {"name": "ml-platform", "namespace": NAMESPACE}
    assert gateway.inputs["spec"]["gatewayClassName"] == "envoy"
    (listener,) = gateway.inputs["spec"]["listeners"]
    assert (listener["hostname"], listener["protocol"], listener["port"]) == ("*.models.example.org", "HTTPS", 443)
    assert listener["tls"]["mode"] == "Terminate"
    assert [(each["name"], each["namespace"]) for each in listener["tls"]["certificateRefs"]] == [
        ("models-tls", NAMESPACE)
    ]
    allowed = listener["allowedRoutes"]["namespaces"]
    assert allowed["from"] == "Selector"
    (expression,) = allowed["selector"]["matchExpressions"]
    assert expression["operator"] == "Exists"
    namespaces = {name_of(found): found.labels for found in deployed.graph.of_kind("Namespace")}
    assert expression["key"] in namespaces["demo"]
    assert expression["key"] not in namespaces[NAMESPACE]
    assert namespaces[NAMESPACE]["pod-security.kubernetes.io/enforce"] == "baseline"


def gateway_of(deployed: Deployed) -> Registration:
    return custom(deployed, "Gateway")


def custom(deployed: Deployed, kind: str) -> Registration:
    """The one custom resource of a kind; the components of ours are called alike."""
    (found,) = [each for each in deployed.graph.objects() if each.inputs.get("kind") == kind]
    return found


def test_plain_http_is_said_and_has_no_certificate(deploy_environment: Deploy) -> None:
    deployed = deploy_environment(routed({}, PLAIN))
    (listener,) = gateway_of(deployed).inputs["spec"]["listeners"]
    assert (listener["protocol"], listener["port"]) == ("HTTP", 80)
    assert "tls" not in listener
    assert deployed.result["teams"]["demo"]["serving"]["digits"]["route"] == "http://demo.models.example.org/digits"


def test_a_certificate_elsewhere_is_lent_and_nothing_else_of_its_namespace(deploy_environment: Deploy) -> None:
    gateway = {**TLS, "tls": {"secret": "models-tls", "namespace": "cert-manager"}}
    deployed = deploy_environment(routed({}, gateway))
    grant = custom(deployed, "ReferenceGrant").inputs
    assert grant["metadata"]["namespace"] == "cert-manager"
    assert grant["spec"] == {
        "from": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": NAMESPACE}],
        "to": [{"group": "", "kind": "Secret", "name": "models-tls"}],
    }
    (listener,) = gateway_of(deployed).inputs["spec"]["listeners"]
    assert listener["tls"]["certificateRefs"][0]["namespace"] == "cert-manager"
    own = deploy_environment(routed({})).graph.objects()
    assert "ReferenceGrant" not in {found.inputs.get("kind") for found in own}


def test_the_definitions_come_first_unless_the_cluster_has_them(deploy_environment: Deploy) -> None:
    deployed = deploy_environment(routed({}))
    (definitions,) = deployed.graph.of_kind("Definitions")
    assert definitions.urn in deployed.graph.before(gateway_of(deployed))
    brought = deploy_environment(routed({}, {**TLS, "installCrds": False}))
    assert not brought.graph.of_kind("Definitions")


@pytest.mark.parametrize(
    ("route", "host", "path", "url"),
    [
        ({}, "demo.models.example.org", "/digits", "https://demo.models.example.org/digits"),
        ({"path": "/v2/digits/"}, "demo.models.example.org", "/v2/digits", "https://demo.models.example.org/v2/digits"),
        ({"host": "x.models.example.org", "path": "/"}, "x.models.example.org", "/", "https://x.models.example.org"),
    ],
)
def test_a_route_leads_to_the_service(
    deploy_environment: Deploy, route: dict[str, Any], host: str, path: str, url: str
) -> None:
    deployed = deploy_environment(routed(route))
    found = custom(deployed, "HTTPRoute")
    assert (found.inputs["metadata"]["name"], found.inputs["metadata"]["namespace"]) == ("digits", "demo")
    spec = found.inputs["spec"]
    assert spec["hostnames"] == [host]
    (parent,) = spec["parentRefs"]
    assert (parent["name"], parent["namespace"]) == ("ml-platform", NAMESPACE)
    (rule,) = spec["rules"]
    assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": path}}]
    (backend,) = rule["backendRefs"]
    service = deployed.graph.one("Service")
    assert (backend["name"], backend["port"]) == (name_of(service), service.inputs["spec"]["ports"][0]["port"])
    assert deployed.result["teams"]["demo"]["serving"]["digits"]["route"] == url
    # A route that outlived the gateway's definitions could not be deleted any more.
    assert {gateway_of(deployed).urn, *(crd.urn for crd in deployed.graph.of_kind("Definitions"))} <= (
        deployed.graph.before(found)
    )


@pytest.mark.parametrize(
    ("route", "filters"), [({}, 1), ({"stripPath": False}, 0), ({"path": "/"}, 0), ({"path": "/a/b"}, 1)]
)
def test_the_prefix_is_taken_off_for_the_server(
    deploy_environment: Deploy, route: dict[str, Any], filters: int
) -> None:
    (rule,) = custom(deploy_environment(routed(route)), "HTTPRoute").inputs["spec"]["rules"]
    rewritten = {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}
    assert rule.get("filters", []) == [{"type": "URLRewrite", "urlRewrite": {"path": rewritten}}] * filters


@pytest.mark.parametrize(("route", "timeouts"), [({}, None), ({"timeoutSeconds": 90}, {"request": "90s"})])
def test_a_timeout_is_said_when_it_is_asked_for(
    deploy_environment: Deploy, route: dict[str, Any], timeouts: dict[str, str] | None
) -> None:
    (rule,) = custom(deploy_environment(routed(route)), "HTTPRoute").inputs["spec"]["rules"]
    assert rule.get("timeouts") == timeouts


@pytest.mark.parametrize(("said", "namespace"), [({}, NAMESPACE), ({"trafficFrom": "envoy-system"}, "envoy-system")])
def test_the_proxies_may_ask_the_server_and_no_other_pod(
    deploy_environment: Deploy, said: dict[str, str], namespace: str
) -> None:
    deployed = deploy_environment(routed({}, {**TLS, **said}))
    policies = {name_of(found): found for found in deployed.graph.of_kind("NetworkPolicy")}
    policy = policies["digits-gateway"].inputs
    assert policy["metadata"]["namespace"] == "demo"
    (rule,) = policy["spec"]["ingress"]
    (peer,) = rule["from"]
    assert peer == {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    assert rule["ports"] == [{"protocol": "TCP", "port": "http"}]
    selected = policy["spec"]["podSelector"]["matchLabels"].items()
    pods = {
        found.kind: found.inputs["spec"]["template"]["metadata"]["labels"]
        for kind in ("Deployment", "Job")
        for found in deployed.graph.of_kind(kind)
    }
    assert {kind for kind, labels in pods.items() if selected <= labels.items()} == {"Deployment"}


def test_only_servers_that_ask_for_it_have_a_route(deploy_environment: Deploy) -> None:
    servers = [{**SERVING, "route": {}}, {**SERVING, "name": "shadow"}]
    config = environment(gateway=TLS, teams=[team(training=[TRAINING], serving=servers)])
    deployed = deploy_environment(config)
    assert custom(deployed, "HTTPRoute").inputs["metadata"]["name"] == "digits"
    routes = {name: entry["route"] for name, entry in deployed.result["teams"]["demo"]["serving"].items()}
    assert routes == {"digits": "https://demo.models.example.org/digits", "shadow": None}


@pytest.mark.proves("gateway", "teams join a service mesh")
@pytest.mark.parametrize(
    ("mesh", "labels", "annotations", "policies"),
    [
        ({"kind": "istio-ambient"}, {"istio.io/dataplane-mode": "ambient"}, {}, {"allow-mesh": [15008]}),
        (
            {"kind": "istio-ambient", "revision": "next"},
            {"istio.io/dataplane-mode": "ambient", "istio.io/rev": "next"},
            {},
            {"allow-mesh": [15008]},
        ),
        ({"kind": "istio-sidecar"}, {"istio-injection": "enabled"}, {}, {"allow-mesh-control": [15012]}),
        (
            {"kind": "istio-sidecar", "revision": "next"},
            {"istio.io/rev": "next"},
            {},
            {"allow-mesh-control": [15012]},
        ),
        (
            {"kind": "linkerd"},
            {},
            {"linkerd.io/inject": "enabled"},
            {"allow-mesh": [4143], "allow-mesh-control": [8080, 8086, 8090]},
        ),
    ],
)
def test_how_a_team_joins_a_mesh(
    deploy_environment: Deploy,
    mesh: dict[str, str],
    labels: dict[str, str],
    annotations: dict[str, str],
    policies: dict[str, list[int]],
) -> None:
    deployed = deploy_environment(environment(mesh=mesh))
    bare = deploy_environment(environment())
    namespace, plain = deployed.graph.one("Namespace"), bare.graph.one("Namespace")
    assert {key: value for key, value in namespace.labels.items() if key not in plain.labels} == labels
    assert plain.labels.items() <= namespace.labels.items()
    assert namespace.inputs["metadata"].get("annotations", {}) == annotations
    before = {name_of(found) for found in bare.graph.of_kind("NetworkPolicy")}
    added = {
        name_of(found): found.inputs["spec"]
        for found in deployed.graph.of_kind("NetworkPolicy")
        if name_of(found) not in before
    }
    opened = {
        name: [port["port"] for rule in spec.get("ingress", spec.get("egress")) for port in rule.get("ports", [])]
        for name, spec in added.items()
    }
    assert opened == policies
    plane = "linkerd" if mesh["kind"] == "linkerd" else "istio-system"
    for rule in added.get("allow-mesh-control", {}).get("egress", []):
        assert [peer["namespaceSelector"]["matchLabels"] for peer in rule["to"]] == [
            {"kubernetes.io/metadata.name": plane}
        ]


def test_a_team_may_stay_out_of_the_mesh(deploy_environment: Deploy) -> None:
    outside = deploy_environment(environment(mesh={"kind": "istio-ambient"}, teams=[team(mesh=False)]))
    assert outside.graph.one("Namespace").inputs == deploy_environment(environment()).graph.one("Namespace").inputs
    assert len(outside.graph.of_kind("NetworkPolicy")) == 3
