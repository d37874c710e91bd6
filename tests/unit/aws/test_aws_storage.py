"""Storages that name no file system and no bucket of others: they are the AWS stack's own."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from components.aws.team import team_prefix
from stacks.storage.config import OWN_PREFIX
from tests.unit.aws.engine import deploy_aws, stack_file
from tests.unit.recorder import Graph, Registration
from tests.unit.stacks.test_training import env_of

STORAGES: list[dict[str, Any]] = [
    {"name": "folder", "kind": "efs", "size": "100Gi", "provisioning": "static"},
    {"name": "volumes", "kind": "efs", "size": "100Gi"},
    {"name": "corpus", "kind": "fsx", "size": "2400Gi", "shared": True},
    {"name": "models", "kind": "s3", "bucket": "models"},
    {"name": "raw", "kind": "s3", "bucket": "datasets", "access": "mountpoint"},
]
TRAINING = [("a", "folder", "models"), ("b", "corpus", "volumes"), ("c", "raw", "models")]


@pytest.fixture(scope="module")
def graph() -> Graph:
    config = copy.deepcopy(stack_file("prod")["ml-platform:environment"])
    config["storage"] = STORAGES
    config["teams"] = [
        {
            "name": "ranking",
            "training": [
                {
                    "name": name,
                    "kind": "job",
                    "image": "registry.example/trainer:1",
                    "data": data,
                    "model": model,
                    "preprocess": False,
                }
                for name, data, model in TRAINING
            ],
        }
    ]
    config["cluster"]["teamResources"] = []
    return deploy_aws(config, stack="prod").graph


def csi(graph: Graph, storage: str) -> dict[str, Any]:
    return graph.one("PersistentVolume", f"ranking-storage-{storage}-volume").inputs["spec"]["csi"]


def made(graph: Graph, kind: str) -> Registration:
    (found,) = [found for found in graph.of_kind(kind) if found.type.startswith("aws:")]
    return found


def test_a_static_efs_storage_is_the_folder_of_the_team(graph: Graph) -> None:
    files, point = made(graph, "FileSystem"), made(graph, "AccessPoint")
    assert csi(graph, "folder")["volumeHandle"] == f"{files.name}-id::{point.name}-id"
    assert point.inputs["rootDirectory"]["path"] == "/teams/ranking"
    assert point.urn in graph.before(graph.one("PersistentVolume", "ranking-storage-folder-volume"))


def test_a_dynamic_efs_storage_is_of_the_class_of_the_cluster(graph: Graph) -> None:
    claim = graph.one("PersistentVolumeClaim", "ranking-storage-volumes-claim")
    assert claim.inputs["spec"]["storageClassName"] == "efs"
    assert [found.name for found in graph.of_kind("StorageClass") if "efs" in found.name] == ["storage-classes-efs"]


def test_an_fsx_storage_is_the_file_system_of_the_cluster(graph: Graph) -> None:
    assert csi(graph, "corpus") == {
        "driver": "fsx.csi.aws.com",
        "volumeHandle": f"{made(graph, 'LustreFileSystem').name}-id",
        "volumeAttributes": {"dnsname": "fsx.example", "mountname": "mount"},
    }


def test_a_bucket_goes_by_its_short_name_and_the_prefix_of_the_team(graph: Graph) -> None:
    env = env_of(graph.one("Job", "ranking-training-a-train"))
    assert env["MODEL_DIR"].startswith("s3://ml-prod-models-444455556666/teams/ranking/models/a/v")
    assert env["AWS_REGION"] == "eu-west-1"
    mounted = graph.one("PersistentVolume", "ranking-storage-raw-volume").inputs["spec"]
    assert mounted["csi"]["volumeAttributes"]["bucketName"] == "ml-prod-datasets-444455556666"
    assert {"prefix teams/ranking/raw/", "region eu-west-1", "allow-delete"} <= set(mounted["mountOptions"])


def test_the_prefix_is_the_one_that_the_role_of_a_team_may_see() -> None:
    assert OWN_PREFIX.format(team="ranking") == team_prefix("ranking")
