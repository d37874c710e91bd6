"""The rights of a team's roles."""

from __future__ import annotations

import itertools
from typing import cast

import pytest

from components.teams.access import GRANTS, ROLES, Role, role_rules
from tests.access_matrix import matrix

FORBIDDEN_VERBS = {"*", "escalate", "bind", "impersonate", "deletecollection"}
# What the stack owns: nobody changes it from within a team.
OF_THE_STACK = {"limitranges", "networkpolicies", "resourcequotas", "rolebindings", "roles", "namespaces"}
WRITES = {"create", "update", "patch", "delete"}


def may(role: Role) -> set[tuple[str, str, str]]:
    """(verb, group, resource) of all that a role allows."""
    return {
        (verb, grant.group, resource)
        for grant in GRANTS[role]
        for verb, resource in itertools.product(grant.verbs, grant.resources)
    }


@pytest.mark.parametrize("role", ROLES)
def test_no_role_has_a_wildcard_or_a_way_to_more_rights(role: Role) -> None:
    for verb, group, resource in may(role):
        assert verb not in FORBIDDEN_VERBS
        assert "*" not in group + resource
        assert not resource.startswith("serviceaccounts/"), "a token of another account is another's rights"


@pytest.mark.parametrize("role", ROLES)
def test_no_role_changes_what_the_stack_owns(role: Role) -> None:
    assert not {found for found in may(role) if found[0] in WRITES and found[2] in OF_THE_STACK}


@pytest.mark.parametrize(
    ("role", "reads", "writes"),
    [("viewer", False, False), ("developer", False, False), ("owner", True, True)],
)
def test_who_reads_and_writes_secrets(role: Role, reads: bool, writes: bool) -> None:
    verbs = {verb for verb, _, resource in may(role) if resource == "secrets"}
    assert ({"get", "list", "watch"} <= verbs) is reads
    assert (verbs >= WRITES) is writes
    assert bool(verbs) is (reads or writes)


def test_a_viewer_changes_and_runs_nothing() -> None:
    assert {verb for verb, _, _ in may("viewer")} == {"get", "list", "watch"}
    assert not {resource for _, _, resource in may("viewer")} & {
        "pods/exec",
        "pods/attach",
        "pods/portforward",
    }


def test_each_role_has_all_of_the_one_before() -> None:
    assert may("viewer") < may("developer") < may("owner")


@pytest.mark.parametrize("role", ROLES)
def test_rules_say_the_same_as_grants(role: Role) -> None:
    rules = {
        (verb, group, resource)
        for rule in cast("list[dict[str, list[str]]]", role_rules(role))
        for verb, group, resource in itertools.product(rule["verbs"], rule["api_groups"], rule["resources"])
    }
    assert rules == may(role)


@pytest.mark.parametrize("role", ROLES)
def test_the_table_of_the_docs_is_what_is_granted(role: Role) -> None:
    assert matrix()[role] == may(role)
