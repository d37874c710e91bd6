"""What a team's members may do, and what its pods may be, as the API server answers it."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from components.platform.exceptions import EXCEPTIONS, OF_CONTROLLERS
from tests.access_matrix import Right, matrix
from tests.embedded import EmbeddedCluster
from tests.platform.helpers.api import Api

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

TEAMS = ("tenant-a", "tenant-b")
ROLES = ("viewer", "developer", "owner")
VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
# Verbs that lead to other rights, and the resources that they are about.
WAYS_UP: tuple[Right, ...] = (
    ("bind", "rbac.authorization.k8s.io", "roles"),
    ("bind", "rbac.authorization.k8s.io", "clusterroles"),
    ("escalate", "rbac.authorization.k8s.io", "roles"),
    ("escalate", "rbac.authorization.k8s.io", "clusterroles"),
    ("impersonate", "", "users"),
    ("impersonate", "", "groups"),
    ("impersonate", "", "serviceaccounts"),
    ("approve", "certificates.k8s.io", "signers"),
    ("sign", "certificates.k8s.io", "signers"),
    ("*", "*", "*"),
)
# Whoever has logged in may ask what they may do.
ABOUT_ONESELF = {
    ("create", "authentication.k8s.io", "selfsubjectreviews"),
    ("create", "authorization.k8s.io", "selfsubjectaccessreviews"),
    ("create", "authorization.k8s.io", "selfsubjectrulesreviews"),
}


@pytest.fixture(scope="module")
def api(platform: EmbeddedCluster) -> Api:
    return Api(platform.node.instance.kubeconfig)


@pytest.fixture(scope="module")
def served(api: Api) -> Mapping[bool, frozenset[tuple[str, str]]]:
    """Every resource and subresource that the API server has, as (group, name), by whether it is in namespaces."""
    groups = api.request("GET", "/apis").body["groups"]
    versions = [("", "/api/v1")] + [
        (group["name"], f"/apis/{version['groupVersion']}") for group in groups for version in group["versions"]
    ]
    found = [
        (resource["namespaced"], (group, resource["name"]))
        for group, path in versions
        for resource in api.request("GET", path).body["resources"]
    ]
    return {flag: frozenset(name for namespaced, name in found if namespaced is flag) for flag in (True, False)}


def allowed(api: Api, group: str, namespace: str | None, rights: Sequence[Right]) -> set[Right]:
    """What of `rights` a member of the group has in a namespace, or, without one, in the whole cluster."""

    def review(right: Right) -> dict[str, Any]:
        verb, api_group, name = right
        resource, _, subresource = name.partition("/")
        attributes = {"verb": verb, "group": api_group, "resource": resource, "subresource": subresource}
        if namespace is not None:
            attributes["namespace"] = namespace
        return {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": "somebody", "groups": [group, "system:authenticated"], "resourceAttributes": attributes},
        }

    answers = api.post_all("/apis/authorization.k8s.io/v1/subjectaccessreviews", [review(right) for right in rights])
    assert {answer.status for answer in answers} == {201}
    return {right for right, answer in zip(rights, answers, strict=True) if answer.body["status"]["allowed"]}


def every_right(resources: frozenset[tuple[str, str]]) -> list[Right]:
    return [(verb, *resource) for resource, verb in itertools.product(sorted(resources), VERBS)] + list(WAYS_UP)


@pytest.mark.proves("teams", "members may do what their role says, verb by verb")
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("team", TEAMS)
def test_members_may_do_what_the_matrix_says(
    api: Api, served: Mapping[bool, frozenset[tuple[str, str]]], team: str, role: str
) -> None:
    expected = {right for right in matrix()[role] if right[1:] in served[True]}
    # A table of nothing that is served would be kept by an empty Role.
    assert len(expected) > 50
    asked = every_right(served[True])
    assert expected <= set(asked)
    assert allowed(api, f"{team}-{role}s", team, asked) == expected


@pytest.mark.proves("teams", "members may do what their role says, verb by verb")
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("team", TEAMS)
def test_members_may_do_nothing_elsewhere(
    api: Api, served: Mapping[bool, frozenset[tuple[str, str]]], platform: EmbeddedCluster, team: str, role: str
) -> None:
    group = f"{team}-{role}s"
    namespaces = [found["metadata"]["name"] for found in platform.get("namespaces")["items"]]
    others = [name for name in namespaces if name != team]
    assert {"kube-system", "default", *TEAMS} - {team} <= set(others)
    # What an owner may do at home is what a slip in a binding would grant elsewhere. The other team is asked about
    # everything.
    asked = {name: sorted(matrix()["owner"]) for name in others}
    asked |= {name: every_right(served[True]) for name in {*TEAMS} - {team}}
    found = {name: allowed(api, group, name, rights) for name, rights in asked.items()}
    assert {name: rights for name, rights in found.items() if rights} == {}
    everywhere = every_right(served[False] | served[True])
    assert allowed(api, group, None, everywhere) == ABOUT_ONESELF


def test_who_is_in_no_group_may_do_nothing(api: Api, served: Mapping[bool, frozenset[tuple[str, str]]]) -> None:
    assert allowed(api, "nobody", "tenant-a", every_right(served[True])) == set()


def test_no_role_of_a_team_has_a_wildcard_or_a_way_to_more_rights(platform: EmbeddedCluster) -> None:
    for team in TEAMS:
        for role in platform.get("roles", "-n", team)["items"]:
            for rule in role["rules"]:
                words = {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}
                assert not words & {"*", "bind", "escalate", "impersonate"}, (team, role["metadata"]["name"])


# -- pods ------------------------------------------------------------------------------------------------------

SOUND: Mapping[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "mutant"},
    "spec": {
        "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "main",
                "image": "registry.example/program:1",
                "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "1", "memory": "16Mi"}},
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            }
        ],
    },
}
Change = Callable[[dict[str, Any]], object]


def pod(**fields: object) -> Change:
    return lambda spec: spec.update(fields)


def pod_security(**fields: object) -> Change:
    return lambda spec: spec["securityContext"].update(fields)


def main(**fields: object) -> Change:
    return lambda spec: spec["containers"][0].update(fields)


def main_security(**fields: object) -> Change:
    return lambda spec: spec["containers"][0]["securityContext"].update(fields)


def main_security_without(field: str) -> Change:
    return lambda spec: spec["containers"][0]["securityContext"].pop(field)


def volume(**source: object) -> Change:
    return lambda spec: spec.update(volumes=[{"name": "data", **source}])


def second(kind: str) -> Change:
    """A container of another kind that says nothing of its security: every kind is checked."""
    return lambda spec: spec.update({kind: [{"name": "other", "image": "registry.example/program:1"}]})


# One mutant for each control of https://kubernetes.io/docs/concepts/security/pod-security-standards/, by the words
# that the API server says of it.
MUTANTS: Mapping[str, tuple[Change, str]] = {
    # baseline
    # Only pods in the host's network may ask for it at all.
    "HostProcess": (
        lambda spec: spec.update(
            hostNetwork=True, securityContext={**spec["securityContext"], "windowsOptions": {"hostProcess": True}}
        ),
        "hostProcess",
    ),
    "host network": (pod(hostNetwork=True), "host namespaces"),
    "host PIDs": (pod(hostPID=True), "host namespaces"),
    "host IPC": (pod(hostIPC=True), "host namespaces"),
    "privileged container": (main_security(privileged=True, allowPrivilegeEscalation=True), "privileged"),
    "capability beyond the default": (
        main_security(capabilities={"drop": ["ALL"], "add": ["SYS_ADMIN"]}),
        'must not include "SYS_ADMIN"',
    ),
    "hostPath volume": (volume(hostPath={"path": "/"}), 'restricted volume type "hostPath"'),
    "host port": (main(ports=[{"containerPort": 8080, "hostPort": 8080}]), "hostPort"),
    "probe of another host": (
        main(livenessProbe={"httpGet": {"port": 80, "host": "169.254.169.254"}}),
        "host",
    ),
    "lifecycle hook to another host": (
        main(lifecycle={"preStop": {"httpGet": {"port": 80, "host": "169.254.169.254"}}}),
        "host",
    ),
    "AppArmor switched off": (pod_security(appArmorProfile={"type": "Unconfined"}), "forbidden AppArmor profile"),
    "SELinux type": (pod_security(seLinuxOptions={"type": "spc_t"}), "seLinuxOptions"),
    "SELinux user": (pod_security(seLinuxOptions={"user": "root"}), "seLinuxOptions"),
    "seccomp switched off": (pod_security(seccompProfile={"type": "Unconfined"}), "seccompProfile"),
    "unsafe sysctl": (pod_security(sysctls=[{"name": "kernel.msgmax", "value": "1"}]), "forbidden sysctls"),
    # restricted
    "volume of the node's network": (volume(nfs={"server": "nfs.example", "path": "/"}), "restricted volume types"),
    "privilege escalation": (main_security(allowPrivilegeEscalation=True), "allowPrivilegeEscalation != false"),
    "privilege escalation unsaid": (
        main_security_without("allowPrivilegeEscalation"),
        "allowPrivilegeEscalation != false",
    ),
    "may run as root": (pod_security(runAsNonRoot=False), "runAsNonRoot != true"),
    "runs as root": (pod_security(runAsUser=0), "runAsUser=0"),
    "no seccomp profile": (lambda spec: spec["securityContext"].pop("seccompProfile"), "seccompProfile"),
    "capabilities kept": (main_security_without("capabilities"), "unrestricted capabilities"),
    "capability added": (
        main_security(capabilities={"drop": ["ALL"], "add": ["CHOWN"]}),
        'must not include "CHOWN"',
    ),
    "init container": (second("initContainers"), "unrestricted capabilities"),
}


# Refused before the standard is asked: the API server lets nobody unmask /proc but in a user namespace.
INVALID: Mapping[str, tuple[Change, str]] = {"unmasked /proc": (main_security(procMount="Unmasked"), "procMount")}


def dry_run(api: Api, change: Change | None = None) -> tuple[int, str]:
    manifest = copy.deepcopy(dict(SOUND))
    if change is not None:
        change(manifest["spec"])
    answer = api.request("POST", "/api/v1/namespaces/tenant-a/pods?dryRun=All", manifest)
    return answer.status, answer.body.get("message", "")


def test_a_sound_pod_is_admitted(api: Api) -> None:
    assert dry_run(api) == (201, "")


@pytest.mark.proves("teams", "a pod below the restricted standard is refused")
@pytest.mark.parametrize("control", MUTANTS)
def test_a_pod_below_the_restricted_standard_is_refused(api: Api, control: str) -> None:
    change, words = MUTANTS[control]
    status, message = dry_run(api, change)
    assert status == 403
    assert 'violates PodSecurity "restricted:latest"' in message
    assert words in message


@pytest.mark.parametrize("control", INVALID)
def test_a_pod_that_no_namespace_takes_is_refused(api: Api, control: str) -> None:
    change, words = INVALID[control]
    status, message = dry_run(api, change)
    assert status == 422
    assert words in message


def test_every_namespace_of_the_platform_is_restricted_or_has_an_exception(platform: EmbeddedCluster) -> None:
    ours = platform.get("namespaces", "-l", "app.kubernetes.io/part-of=ml-platform")["items"]
    levels = {
        found["metadata"]["name"]: found["metadata"]["labels"].get("pod-security.kubernetes.io/enforce")
        for found in ours
    }
    assert set(TEAMS) <= set(levels)
    lax = {name for name, level in levels.items() if level != "restricted"}
    assert lax <= {exception.namespace for exception in EXCEPTIONS} | OF_CONTROLLERS.keys()


def test_every_pod_of_the_teams_passes(platform: EmbeddedCluster) -> None:
    """Those that run were admitted by the level of now: nothing was let in before it was set."""
    teams = platform.get("namespaces", "-l", "ml-platform/team")["items"]
    for namespace in teams:
        labels = namespace["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
        name = namespace["metadata"]["name"]
        done = platform.kubectl(
            *("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted", "--overwrite"),
            "--dry-run=server",
        )
        # The API server looks at all pods of the namespace, and names those that would not pass.
        assert "violate" not in done.stderr, done.stderr
