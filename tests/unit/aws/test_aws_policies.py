"""Policy documents as values, and what a team's policy reaches."""

from __future__ import annotations

import fnmatch
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.aws import policies
from components.aws.account import Account
from components.aws.compute import karpenter_policy
from components.aws.names import reader_role
from components.aws.team import reader_statements, team_statements

ACCOUNT = Account(id="111122223333", region="eu-west-1")
SOME: dict[str, Any] = {"sid": "Some"}
BUCKETS = ("ml-test-datasets-111122223333", "ml-test-models-111122223333")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"actions": ("s3:*",), "resources": ("arn:x",)}, "is not one whole action"),
        ({"actions": ("*",), "resources": ("arn:x",)}, "is not one whole action"),
        ({"actions": ("ec2:Describe*",), "resources": ("*",)}, "is not one whole action"),
        ({"actions": ("s3:GetObject",), "resources": ("*",)}, "name the resources of s3:GetObject"),
        ({"actions": ("ec2:DescribeImages", "ec2:RunInstances"), "resources": ("*",)}, "name the resources"),
        ({"actions": ("kms:Decrypt",), "resources": ("*",)}, "name the resources"),
        ({"actions": ()}, "no action"),
        ({"sid": "with space", "actions": ("s3:GetObject",)}, "letters and digits"),
    ],
)
def test_a_statement_that_says_too_much_cannot_be_made(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        policies.Statement(**{**SOME, **arguments})


def test_a_deny_may_be_wide_and_a_key_policy_means_its_key() -> None:
    policies.tls_only("DenyWithoutTls", ("s3:*",), ("arn:aws:s3:::b",))
    policy = policies.key_policy(ACCOUNT.root_arn)
    assert {s["Principal"]["AWS"] for s in policy["Statement"]} == {"arn:aws:iam::111122223333:root"}
    assert not [a for s in policy["Statement"] for a in s["Action"] if "*" in a]


def test_a_document_has_each_sid_once() -> None:
    statement = policies.Statement(sid="Read", actions=("s3:GetObject",), resources=("arn:aws:s3:::b/*",))
    with pytest.raises(ValueError, match="share a Sid"):
        policies.document(statement, statement)
    assert policies.document(statement)["Statement"][0]["Resource"] == "arn:aws:s3:::b/*"


def test_pod_identity_is_for_one_service_account_of_one_cluster_in_one_account() -> None:
    (statement,) = policies.pod_identity_trust(
        account="111122223333", cluster="ml", namespace="vision", service_account="trainer"
    )["Statement"]
    assert statement["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert sorted(statement["Action"]) == ["sts:AssumeRole", "sts:TagSession"]
    assert statement["Condition"] == {
        "StringEquals": {
            "aws:SourceAccount": "111122223333",
            "aws:RequestTag/eks-cluster-name": "ml",
            "aws:RequestTag/kubernetes-namespace": "vision",
            "aws:RequestTag/kubernetes-service-account": "trainer",
        }
    }


def test_a_services_trust_is_for_this_account() -> None:
    (statement,) = policies.service_trust("backup.amazonaws.com", "111122223333")["Statement"]
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": "111122223333"}


def statements_of(team: str) -> list[dict[str, Any]]:
    return policies.document(
        *team_statements(
            account=ACCOUNT,
            environment="ml-test",
            team=team,
            buckets=BUCKETS,
            data_key_arn="arn:aws:kms:eu-west-1:111122223333:key/data",
            team_key_arn=f"arn:aws:kms:eu-west-1:111122223333:key/of-{team}",
            repositories=(f"ml-test/{team}/image",),
        )
    )["Statement"]


def allows(statements: list[dict[str, Any]], action: str, resource: str) -> bool:
    """Whether a statement allows the action on the resource, conditions left out: IAM's own matching of names."""
    for statement in statements:
        resources = statement["Resource"]
        listed = resources if isinstance(resources, list) else [resources]
        if action in statement["Action"] and any(fnmatch.fnmatchcase(resource, r) for r in listed):
            return True
    return False


def things_of(team: str) -> list[tuple[str, str]]:
    """What belongs to a team, and what one would do with it."""
    return [
        ("s3:GetObject", f"arn:aws:s3:::{BUCKETS[0]}/teams/{team}/train.csv"),
        ("s3:PutObject", f"arn:aws:s3:::{BUCKETS[1]}/teams/{team}/model/v1/manifest.json"),
        ("secretsmanager:GetSecretValue", ACCOUNT.arn("secretsmanager", f"secret:ml-test/teams/{team}/token-AbCdEf")),
        ("kms:Decrypt", f"arn:aws:kms:eu-west-1:111122223333:key/of-{team}"),
        ("ecr:PutImage", ACCOUNT.arn("ecr", f"repository/ml-test/{team}/image")),
    ]


NAMES = st.from_regex(r"[a-z]([-a-z0-9]{0,10}[a-z0-9])?", fullmatch=True)


@given(NAMES, NAMES)
def test_a_team_reaches_what_is_its_own_and_nothing_of_another(team: str, other: str) -> None:
    statements = statements_of(team)
    assert all(allows(statements, action, resource) for action, resource in things_of(team))
    if team != other:
        assert not [thing for thing in things_of(other) if allows(statements, *thing)]


def reader_of(team: str) -> list[dict[str, Any]]:
    """What External Secrets may do for a team."""
    key = f"arn:aws:kms:eu-west-1:111122223333:key/of-{team}"
    found = reader_statements(account=ACCOUNT, environment="ml-test", team=team, team_key_arn=key)
    return policies.document(*found)["Statement"]


@pytest.mark.proves("external-secrets", "a team reads no entry of another")
@given(NAMES, NAMES)
def test_external_secrets_reads_for_a_team_what_is_its_own_and_nothing_of_another(team: str, other: str) -> None:
    statements = reader_of(team)
    (secret,) = [thing for thing in things_of(team) if thing[0].startswith("secretsmanager:")]
    assert allows(statements, *secret)
    if team != other:
        assert not [thing for thing in things_of(other) if allows(statements, *thing)]


def test_external_secrets_writes_nothing_and_reads_nothing_else() -> None:
    assert {action for statement in reader_of("vision") for action in statement["Action"]} == {
        "kms:Decrypt",
        "secretsmanager:DescribeSecret",
        "secretsmanager:GetSecretValue",
    }
    by_sid = {statement["Sid"]: statement for statement in reader_of("vision")}
    through = {"StringEquals": {"kms:ViaService": "secretsmanager.eu-west-1.amazonaws.com"}}
    assert by_sid["KeyOfTheTeam"]["Condition"] == through


def test_a_reading_role_s_name_is_as_long_as_that_of_the_team_s_pods() -> None:
    # Whose length the stack config checks.
    assert len(reader_role("ml-test", "vision")) == len("ml-test-team-vision")


def test_a_role_s_trust_names_one_other_role() -> None:
    (statement,) = policies.role_trust("arn:aws:iam::111122223333:role/ml-test-external-secrets")["Statement"]
    assert statement["Principal"] == {"AWS": "arn:aws:iam::111122223333:role/ml-test-external-secrets"}
    assert sorted(statement["Action"]) == ["sts:AssumeRole", "sts:TagSession"]


@pytest.mark.parametrize("other", ["vision-2", "vis", "vision2"])
def test_teams_whose_names_begin_alike(other: str) -> None:
    statements = statements_of("vision")
    assert not [thing for thing in things_of(other) if allows(statements, *thing)]


def test_a_team_lists_only_its_own_prefixes_and_uses_keys_only_through_their_service() -> None:
    by_sid = {s["Sid"]: s for s in statements_of("vision")}
    assert by_sid["ListOwnPrefixes"]["Condition"]["StringLike"]["s3:prefix"] == ["teams/vision", "teams/vision/*"]
    assert by_sid["KeyOfTheBuckets"]["Condition"]["StringEquals"] == {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}
    assert not allows(list(by_sid.values()), "s3:GetObject", f"arn:aws:s3:::{BUCKETS[0]}/other.csv")
    assert not allows(list(by_sid.values()), "s3:DeleteBucket", f"arn:aws:s3:::{BUCKETS[0]}")


def test_karpenter_changes_machines_of_its_own_cluster_only() -> None:
    statements = karpenter_policy.statements(
        account=ACCOUNT,
        cluster="ml-test",
        queue_arn="arn:queue",
        node_role_arn="arn:role",
        instance_profile="ml-test-nodes",
    )
    changing = ("ec2:CreateLaunchTemplate", "ec2:CreateTags", "ec2:DeleteLaunchTemplate", "ec2:TerminateInstances")
    for statement in statements:
        if set(statement.actions) & set(changing):
            conditions = {key for test in statement.conditions.values() for key in test}
            assert any(key.endswith("/kubernetes.io/cluster/ml-test") for key in conditions), statement.sid
    (passing,) = [s for s in statements if "iam:PassRole" in s.actions]
    assert passing.resources == ("arn:role",)
    assert passing.conditions == {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
    assert not [a for s in statements for a in s.actions if a.startswith("iam:") and a not in _READS]


_READS = ("iam:GetInstanceProfile", "iam:PassRole")
