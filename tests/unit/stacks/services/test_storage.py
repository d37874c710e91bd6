"""Storages of each kind: what becomes of them on a cluster, and what workloads see of them."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.pod_security import violations
from tests.unit.recorder import Deployed, Graph, Registration
from tests.unit.stacks.conftest import Deploy
from tests.unit.stacks.programs import environment, team, volume
from tests.unit.stacks.test_training import container_of, env_of, name_of

EVERY_KIND = Path(__file__).parents[2] / "config" / "valid" / "storage.yaml"


@pytest.fixture(scope="module")
def deployed(deploy_environment: Deploy) -> Deployed:
    file = yaml.safe_load(EVERY_KIND.read_text(encoding="utf-8"))
    return deploy_environment(file["config"]["ml-platform:environment"])


@pytest.fixture(scope="module")
def graph(deployed: Deployed) -> Graph:
    return deployed.graph


def on_server(**keys: Any) -> dict[str, Any]:
    """The small environment with its data and models on the platform's own S3 server."""
    storages = [{"name": "datasets", "kind": "s3"}, {"name": "models", "kind": "s3"}]
    return environment(storage=storages, objectStore={"size": "5Gi"}, **keys)


def spec_of(graph: Graph, kind: str, name: str) -> dict[str, Any]:
    return graph.one(kind, name).inputs["spec"]


# The part of a volume's spec that says where it is, by storage.
SOURCES: dict[str, dict[str, Any]] = {
    "nfs": {
        "nfs": {"server": "nfs.example.com", "path": "/exports/demo/data"},
        "mountOptions": ["nfsvers=4.2", "hard"],
    },
    "corpus": {"nfs": {"server": "10.1.2.3", "path": "/exports/corpus"}, "mountOptions": ["nfsvers=4.1"]},
    "efs-folder": {
        "csi": {"driver": "efs.csi.aws.com", "volumeHandle": "fs-0123456789abcdef0:/teams/demo"},
        "mountOptions": ["tls"],
    },
    "lustre": {
        "csi": {
            "driver": "fsx.csi.aws.com",
            "volumeHandle": "fs-0123456789abcdef1",
            "volumeAttributes": {
                "dnsname": "fs-0123456789abcdef1.fsx.eu-west-1.amazonaws.com",
                "mountname": "abcdef01",
            },
        },
        "mountOptions": ["flock"],
    },
    "mounted": {
        "csi": {
            "driver": "s3.csi.aws.com",
            "volumeHandle": "demo-mounted",
            "volumeAttributes": {"bucketName": "our-data", "authenticationSource": "pod"},
        },
        "mountOptions": [
            "prefix teams/demo/mounted/",
            "region eu-west-1",
            "uid=10001",
            "gid=10001",
            "allow-other",
            "read-only",
        ],
    },
    "ceph-folder": {
        "csi": {
            "driver": "cephfs.csi.ceph.com",
            "volumeHandle": "demo-ceph-folder",
            "volumeAttributes": {
                "clusterID": "6f1b",
                "fsName": "cephfs",
                "staticVolume": "true",
                "rootPath": "/volumes/demo",
            },
            "nodeStageSecretRef": {"name": "csi-cephfs-secret", "namespace": "ceph-csi"},
        }
    },
}
COMMON = {"capacity", "accessModes", "persistentVolumeReclaimPolicy", "claimRef"}


@pytest.mark.parametrize("storage", SOURCES)
def test_a_static_volume_says_where_it_is(storage: str, graph: Graph) -> None:
    spec = spec_of(graph, "PersistentVolume", f"demo-storage-{storage}-volume")
    assert {key: value for key, value in spec.items() if key not in COMMON} == SOURCES[storage]


@pytest.mark.parametrize("storage", SOURCES)
def test_a_static_volume_and_its_claim_are_for_each_other_alone(storage: str, graph: Graph) -> None:
    volume = graph.one("PersistentVolume", f"demo-storage-{storage}-volume")
    claim = graph.one("PersistentVolumeClaim", f"demo-storage-{storage}-claim")
    reference = volume.inputs["spec"]["claimRef"]
    assert (reference["namespace"], reference["name"]) == ("demo", storage) == ("demo", name_of(claim))
    spec = claim.inputs["spec"]
    # The empty class is said: left out, the default class would make another volume.
    assert (spec["volumeName"], spec["storageClassName"]) == (name_of(volume), "")
    assert spec["accessModes"] == volume.inputs["spec"]["accessModes"]
    assert spec["resources"]["requests"]["storage"] == volume.inputs["spec"]["capacity"]["storage"]
    assert volume.inputs["spec"]["persistentVolumeReclaimPolicy"] == "Retain"


def test_no_two_teams_share_a_volume_object(graph: Graph) -> None:
    names = [name_of(found) for found in graph.of_kind("PersistentVolume")]
    assert len(set(names)) == len(names)
    corpora = [found for found in graph.of_kind("PersistentVolume") if "-storage-corpus-" in found.name]
    assert {found.inputs["spec"]["claimRef"]["namespace"] for found in corpora} == {"demo", "other"}


def test_another_place_is_another_volume(deploy_environment: Deploy) -> None:
    def named(path: str) -> str:
        storage = {"name": "models", "kind": "nfs", "size": "5Gi", "server": "nfs.example.com", "path": path}
        found = deploy_environment(environment(storage=[volume("datasets"), storage])).graph
        return name_of(found.one("PersistentVolume"))

    assert named("/one") != named("/other")


# Provisioner, some of the parameters, and reclaim policy, by storage.
CLASSES: dict[str, tuple[str, dict[str, str], str]] = {
    "folders": ("nfs.csi.k8s.io", {"server": "nfs.example.com", "share": "/exports", "onDelete": "delete"}, "Delete"),
    "efs": ("efs.csi.aws.com", {"provisioningMode": "efs-ap", "fileSystemId": "fs-0123456789abcdef0"}, "Retain"),
    "scratch": (
        "fsx.csi.aws.com",
        {"subnetId": "subnet-0123456789abcdef0", "securityGroupIds": "sg-0123456789abcdef0"},
        "Retain",
    ),
    "ceph": (
        "rook-ceph.cephfs.csi.ceph.com",
        {
            "clusterID": "rook-ceph",
            "fsName": "cephfs",
            "pool": "cephfs-fast",
            "csi.storage.k8s.io/provisioner-secret-name": "rook-csi-cephfs-provisioner",
            "csi.storage.k8s.io/controller-expand-secret-namespace": "rook-ceph",
            "csi.storage.k8s.io/node-stage-secret-name": "rook-csi-cephfs-node",
        },
        "Retain",
    ),
}


@pytest.mark.parametrize("storage", CLASSES)
def test_a_dynamic_storage_is_a_class_and_claims_of_it(storage: str, deployed: Deployed) -> None:
    provisioner, parameters, reclaim = CLASSES[storage]
    made = deployed.graph.one("StorageClass", f"storage-class-{storage}-class")
    assert (made.inputs["provisioner"], made.inputs["reclaimPolicy"]) == (provisioner, reclaim)
    assert parameters.items() <= made.inputs["parameters"].items()
    claim = deployed.graph.one("PersistentVolumeClaim", f"demo-storage-{storage}-claim")
    assert claim.inputs["spec"]["storageClassName"] == name_of(made) == deployed.result["storage"][storage]["class"]
    assert made.urn in deployed.graph.before(claim)


def test_every_kind_is_in_these_tests(deployed: Deployed) -> None:
    claims = {found.name for found in deployed.graph.of_kind("PersistentVolumeClaim")}
    ours = {f"demo-storage-{storage}-claim" for storage in [*SOURCES, *CLASSES, "volume"]}
    assert claims == {*ours, "other-storage-corpus-claim", "demo-object-store-claim", "other-object-store-claim"}


def test_a_driver_comes_before_its_classes(graph: Graph) -> None:
    release = graph.one("Release", "csi-driver-nfs-release")
    assert release.urn in graph.before(graph.one("StorageClass", "storage-class-folders-class"))


# --- buckets --------------------------------------------------------------------------------------


def test_programs_get_the_uri_of_a_bucket_and_no_mount(graph: Graph) -> None:
    train = graph.one("Job", "demo-training-f-train")
    env = env_of(train)
    assert env["MODEL_DIR"].startswith("s3://our-data/teams/demo/minio/f/v")
    assert (env["AWS_ENDPOINT_URL"], env["AWS_REGION"]) == ("https://s3.example.com:9000", "us-east-1")
    assert "/models" not in {mount["mountPath"] for mount in container_of(train)["volumeMounts"]}
    server = graph.one("Deployment", "demo-serving-f-deployment")
    assert env_of(server)["MODEL_ROOT"] == "s3://our-data/teams/demo/minio"


def test_keys_come_from_the_secret_and_are_nowhere_else(graph: Graph) -> None:
    variables = {found["name"]: found for found in container_of(graph.one("Job", "demo-training-f-train"))["env"]}
    for variable, key in (("AWS_ACCESS_KEY_ID", "accessKeyId"), ("AWS_SECRET_ACCESS_KEY", "secretAccessKey")):
        assert variables[variable] == {
            "name": variable,
            "valueFrom": {"secretKeyRef": {"name": "s3-keys", "key": key}},
        }


@pytest.mark.proves("storage/s3", "on AWS, with the pod's own identity")
def test_with_workload_identity_a_program_gets_no_keys(graph: Graph) -> None:
    env = env_of(graph.one("Job", "demo-training-e-train"))
    assert env["MODEL_DIR"].startswith("s3://our-data/ml/demo/e/v")
    assert env["AWS_REGION"] == "eu-west-1"
    assert not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"} & set(env)


def test_the_way_to_a_bucket_is_open_and_no_other(graph: Graph) -> None:
    def egress(storage: str) -> list[Any]:
        return spec_of(graph, "NetworkPolicy", f"demo-storage-{storage}-policy")["egress"]

    (minio,) = egress("minio")
    assert minio == {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"protocol": "TCP", "port": 9000}]}
    aws, agent = egress("bucket")
    assert aws["ports"] == [{"protocol": "TCP", "port": 443}]
    assert "10.0.0.0/8" in aws["to"][0]["ipBlock"]["except"]
    assert agent == {"to": [{"ipBlock": {"cidr": "169.254.170.23/32"}}], "ports": [{"protocol": "TCP", "port": 80}]}
    (own,) = egress("own-bucket")
    assert own["to"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/name"] == "s3-demo"


def test_a_bucket_counts_in_no_quota(deploy_environment: Deploy) -> None:
    storages = [volume("datasets"), {"name": "models", "kind": "s3"}]
    config = environment(storage=storages, objectStore={"size": "5Ti"}, teams=[team(quota={"storage": "5Gi"})])
    assert deploy_environment(config).result["storage"]["models"] == {"kind": "s3", "size": None, "class": None}


# --- the platform's own S3 server -----------------------------------------------------------------


def test_each_team_has_a_server_with_keys_and_a_bucket_of_its_own(deploy_environment: Deploy) -> None:
    teams = [team(), team("other")]
    graph = deploy_environment(on_server(teams=teams)).graph
    secrets = {found.name: found for found in graph.of_kind("Secret")}
    for name in ("demo", "other"):
        own = secrets[f"{name}-object-store-credentials"]
        given = secrets[f"{name}-object-store-team-credentials"]
        assert (own.inputs["metadata"]["namespace"], given.inputs["metadata"]["namespace"]) == ("storage-system", name)
        env = env_of(graph.one("Job", f"{name}-training-digits-train"))
        assert env["MODEL_DIR"].startswith(f"s3://team-{name}/models/digits/v")
        assert env["DATA_DIR"].startswith(f"s3://team-{name}/datasets/digits/v")
        assert env["AWS_ENDPOINT_URL"] == f"http://s3-{name}.storage-system.svc:7070"
        (volume,) = [
            mount
            for mount in container_of(graph.one("Deployment", f"{name}-object-store-server"))["volumeMounts"]
            if mount["mountPath"].startswith("/buckets/team-")
        ]
        assert volume["mountPath"] == f"/buckets/team-{name}"


def keys_of(secret: Registration) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in secret.inputs["data"]["value"].items()}


def test_keys_are_drawn_once(deploy_afresh: Deploy) -> None:
    drawn = [deploy_afresh(on_server()).graph.one("Secret", "demo-object-store-credentials") for _ in range(2)]
    first, second = (keys_of(secret) for secret in drawn)
    assert first["accessKeyId"] == second["accessKeyId"] == "demo"
    # Every run draws another one, and Pulumi keeps what it has.
    assert first["secretAccessKey"] != second["secretAccessKey"]
    assert len(first["secretAccessKey"]) >= 40
    assert all(secret.ignore_changes == ("data",) for secret in drawn)


def test_workloads_wait_for_the_server(deploy_environment: Deploy) -> None:
    graph = deploy_environment(on_server()).graph
    server = graph.one("Deployment", "demo-object-store-server")
    assert server.urn in graph.before(graph.one("Job", "demo-training-digits-prepare"))
    assert server.urn in graph.before(graph.one("Deployment", "demo-serving-digits-deployment"))


def test_only_workloads_of_the_team_reach_its_server(deploy_environment: Deploy) -> None:
    graph = deploy_environment(on_server()).graph
    assert spec_of(graph, "NetworkPolicy", "object-store-default-deny") == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
    }
    spec = spec_of(graph, "NetworkPolicy", "demo-object-store-policy")
    (peer,) = spec["ingress"][0]["from"]
    assert peer["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "demo"}
    labels = graph.one("Deployment", "demo-object-store-server").inputs["spec"]["template"]["metadata"]["labels"]
    assert spec["podSelector"]["matchLabels"].items() <= labels.items()


def test_the_server_passes_restricted(deploy_environment: Deploy) -> None:
    graph = deploy_environment(on_server()).graph
    found = graph.one("Deployment", "demo-object-store-server").inputs["spec"]["template"]["spec"]
    assert violations(found) == []
    assert found["automountServiceAccountToken"] is False
    namespace = graph.one("Namespace", "object-store-namespace")
    assert namespace.labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_a_team_that_uses_no_bucket_has_no_server(deploy_environment: Deploy) -> None:
    config = environment(objectStore={"size": "5Gi"})
    assert "s3-demo" not in [name_of(found) for found in deploy_environment(config).graph.of_kind("Deployment")]


def test_data_of_the_server_is_kept_where_data_is_protected(deploy_environment: Deploy) -> None:
    for protect in (True, False):
        graph = deploy_environment(on_server(protectData=protect)).graph
        kept = (graph.one("PersistentVolumeClaim"), graph.one("Namespace", "object-store-namespace"))
        assert {(found.protect, found.retain_on_delete) for found in kept} == {(protect, protect)}
