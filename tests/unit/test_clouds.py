"""Words of a cloud are in the folders of that cloud, and where this list gives a reason."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORDS = {"aws", "amazon", "amazonaws", "eks", "efs", "fsx", "lustre", "karpenter", "ec2", "ecr", "iam"}
FOLDERS = ("stacks", "components", "local", "ops", "policy")
OF_AWS = ("stacks/clouds/aws", "components/aws", "ops/aws", "policy/rules/aws")
_UNION = "a member of a union, or of the match on it: the places that docs/extending.md names for a cloud"
_CATALOG = "the catalog has versions of EKS, by the name of its section"
_REVIEW = "a check of the account and its prices, which a stack in AWS gets beside what others get"
ALLOWED = {
    "stacks/clouds/config.py": _UNION,
    "stacks/clouds/kinds.py": _UNION,
    "stacks/clouds/build.py": _UNION,
    "stacks/checks.py": "the table of checks says where in a file each argument is, and that file is the user's",
    "stacks/outputs.py": "points to the outputs of a cloud, as an example",
    "stacks/gpu/config.py": "products that bring a device plugin along, as examples",
    "stacks/gpu/checks.py": "an autoscaler of nodes that other clouds have too",
    "stacks/storage/config.py": "an S3 storage without an endpoint is in AWS",
    "components/catalog.py": _CATALOG,
    "components/storage/access.py": "the variables that clients of every S3 server read",
    "components/storage/bucket.py": "the way to an S3 server without an endpoint, which is AWS",
    "components/storage/object_store.py": "an option of versitygw",
    "components/storage/s3.py": "the name of the Mountpoint driver, which mounts buckets of every S3 server",
    "components/gpu/operator.py": "says which node images have a driver",
    "components/monitoring/scraping.py": "says where certificates of kubelets can be checked",
    "components/platform/cluster_client.py": "says which kubeconfigs are JSON",
    "components/secret_patterns.py": "patterns of access keys",
    "components/teams/network.py": "says which clusters enforce network policies",
    "local/mirror/recipes.py": "a Go module that a build leaves out",
    "local/suite/run.py": "the folder of tests against a local AWS API",
}
# Allowed as a whole: what they say is for a stack in AWS.
ALLOWED_FOLDERS = {
    "ops": _REVIEW,
    "policy": "rules over what a stack in AWS has, and their order",
}


def words_of(text: str) -> set[str]:
    """The words of a text, also inside of names: `AwsCluster`, `efs_class`, `awsCredentials`."""
    parts = re.findall(r"[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*", text)
    return {word.lower() for word in (*parts, *re.findall(r"[A-Za-z0-9]+", text))}


def found() -> dict[str, set[str]]:
    """The words of AWS in modules outside of its folders."""
    modules = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
    names = {str(path.relative_to(ROOT)): path for path in modules}
    return {
        name: words
        for name, path in names.items()
        if not name.startswith(OF_AWS) and (words := words_of(path.read_text()) & WORDS)
    }


def test_words_inside_of_names_are_seen() -> None:
    assert words_of("class AwsCluster: efs_class = awsCredentials['EC2'] # FSx, eksctl") >= {"aws", "efs", "ec2", "fsx"}
    assert not WORDS & words_of("diameter laws freckles")


FOUND = found()


def test_words_of_aws_are_in_its_folders() -> None:
    others = {name: words for name, words in FOUND.items() if not name.startswith(tuple(ALLOWED_FOLDERS))}
    assert others.keys() - ALLOWED.keys() == set(), {name: others[name] for name in others.keys() - ALLOWED.keys()}


@pytest.mark.parametrize("name", ALLOWED)
def test_every_exception_is_needed(name: str) -> None:
    assert name in FOUND, "remove it from the list"
