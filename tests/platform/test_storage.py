"""Storages on a real API server: bound claims of every kind, and models that go through a real S3 server.

The kernel of the node has no client of NFS, Lustre or Ceph, and no CSI driver is there: that such a volume is mounted
cannot be shown. That it is declared, bound and given to pods is.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any

import pytest
from sklearn.datasets import load_digits

from components.storage.object_store import CREDENTIALS, NAMESPACE
from local.commands.request import post
from tests.embedded import EmbeddedCluster

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

STATIC = {
    "exported": ("nfs", "nfs.example.org"),
    "elastic": ("csi", "efs.csi.aws.com"),
    "lustre": ("csi", "fsx.csi.aws.com"),
    "mounted": ("csi", "s3.csi.aws.com"),
    "ceph": ("csi", "cephfs.csi.ceph.com"),
}
DYNAMIC = {
    "dynamic-nfs": "nfs.csi.k8s.io",
    "dynamic-efs": "efs.csi.aws.com",
    "dynamic-fsx": "fsx.csi.aws.com",
    "dynamic-ceph": "cephfs.csi.ceph.com",
}
PARTS = {
    "exported": "storage/nfs",
    "elastic": "storage/efs",
    "lustre": "storage/fsx",
    "mounted": "storage/mountpoint",
    "ceph": "storage/ceph",
    "dynamic-nfs": "storage/nfs",
    "dynamic-efs": "storage/efs",
    "dynamic-fsx": "storage/fsx",
    "dynamic-ceph": "storage/ceph",
}


def proving(feature: str, storages: Iterable[str]) -> list[Any]:
    """Each of the storages as a case that proves the feature for its kind."""
    return [pytest.param(storage, marks=pytest.mark.proves(PARTS[storage], feature)) for storage in storages]


@pytest.mark.parametrize("storage", proving("a claim is bound to its volume", STATIC))
def test_a_claim_is_bound_to_its_volume(platform: EmbeddedCluster, storage: str) -> None:
    claim = platform.get("persistentvolumeclaim", storage, "-n", "storage-kinds")
    volume = platform.get("persistentvolume", claim["spec"]["volumeName"])
    assert (claim["status"]["phase"], volume["status"]["phase"]) == ("Bound", "Bound")
    assert volume["spec"]["claimRef"]["uid"] == claim["metadata"]["uid"]
    kind, where = STATIC[storage]
    source = volume["spec"][kind]
    assert source["server" if kind == "nfs" else "driver"] == where
    assert volume["spec"]["persistentVolumeReclaimPolicy"] == "Retain"


def test_a_claim_of_a_class_is_bound_where_its_provisioner_is(platform: EmbeddedCluster) -> None:
    claim = platform.get("persistentvolumeclaim", "s3-bucket-a", "-n", NAMESPACE)
    assert claim["status"]["phase"] == "Bound"


def test_pods_with_claims_of_every_kind_find_a_node(platform: EmbeddedCluster) -> None:
    jobs = platform.get("jobs", "-n", "storage-kinds")["items"]
    assert {job["metadata"]["name"].partition("-")[0] for job in jobs} == {"one", "two", "three"}
    assert all(job["status"].get("succeeded") == 1 for job in jobs)


@pytest.mark.parametrize("storage", proving("a class for volumes that its driver makes", DYNAMIC))
def test_a_dynamic_storage_has_a_class(platform: EmbeddedCluster, storage: str) -> None:
    made = platform.get("storageclass", f"ml-platform-{storage}")
    assert made["provisioner"] == DYNAMIC[storage]
    assert platform.outputs()["storage"][storage]["class"] == made["metadata"]["name"]


# --- the S3 server --------------------------------------------------------------------------------

# Keys go in by standard input: a command line is in the API server's log.
READ = (
    "read -r id; read -r key; AWS_ACCESS_KEY_ID=$id AWS_SECRET_ACCESS_KEY=$key "
    'exec python3 -m workloads.predictor.objects "$0"'
)


def keys_of(platform: EmbeddedCluster, team: str) -> tuple[str, str]:
    data = platform.get("secret", CREDENTIALS, "-n", team)["data"]
    access, secret = (base64.b64decode(data[key]).decode() for key in ("accessKeyId", "secretAccessKey"))
    return access, secret


def read_as(platform: EmbeddedCluster, keys: tuple[str, str], uri: str) -> Any:
    """What a pod of team bucket-a gets of its server with these keys."""
    words = ("exec", "-i", "-n", "bucket-a", "deployment/digits", "--", "sh", "-c", READ, uri)
    return platform.kubectl(*words, stdin="\n".join(keys) + "\n", ok=False)


def model_of(platform: EmbeddedCluster) -> Any:
    return platform.outputs()["teams"]["bucket-a"]["training"]["digits"]["model"]


@pytest.mark.proves("training/job", "reads and writes a bucket", by="real run")
@pytest.mark.proves("storage/s3", "models go through the platform's own S3 server", by="real run")
def test_a_training_writes_its_model_into_the_bucket(platform: EmbeddedCluster) -> None:
    model = model_of(platform)
    assert model["path"] == f"s3://team-bucket-a/artifacts/digits/{model['version']}"
    done = read_as(platform, keys_of(platform, "bucket-a"), f"{model['path']}/manifest.json")
    assert done.returncode == 0, done.stderr
    manifest = json.loads(done.stdout)
    assert (manifest["name"], manifest["version"]) == ("digits", model["version"])
    assert manifest["metrics"]["accuracy"] >= 0.97


@pytest.mark.proves("serving/deployment", "reads a model from a bucket", by="real run")
@pytest.mark.proves("storage/s3", "models go through the platform's own S3 server", by="real run")
def test_a_server_reads_the_model_from_the_bucket_and_predicts(platform: EmbeddedCluster) -> None:
    url = platform.outputs()["teams"]["bucket-a"]["serving"]["digits"]["url"]
    digits: Any = load_digits()
    answer = post(f"{url}/v1/models/digits:predict", {"instances": digits.data[:500].tolist()})
    right = sum(int(label) == made for label, made in zip(digits.target[:500], answer["predictions"], strict=True))
    assert right / 500 >= 0.97
    (pod,) = platform.get("pods", "-n", "bucket-a", "-l", "app.kubernetes.io/component=serving")["items"]
    assert [volume["name"] for volume in pod["spec"]["volumes"]] == ["tmp"]


@pytest.mark.proves("storage/s3", "keys of another team are refused", by="real run")
def test_keys_of_another_team_are_refused(platform: EmbeddedCluster) -> None:
    uri = f"{model_of(platform)['path']}/manifest.json"
    own, other = keys_of(platform, "bucket-a"), keys_of(platform, "bucket-b")
    assert read_as(platform, own, uri).returncode == 0
    # The other's keys, its secret under this team's name, and none of the two.
    for keys in (other, (own[0], other[1]), (other[0], own[1])):
        done = read_as(platform, keys, uri)
        assert done.returncode != 0
        assert "access denied" in done.stderr


@pytest.mark.proves("storage/s3", "keys are in their Secrets and nowhere else", by="real run")
def test_keys_are_nowhere_in_clear_but_in_the_secrets(platform: EmbeddedCluster) -> None:
    state = platform.run("stack", "export").stdout
    _, secret = keys_of(platform, "bucket-a")
    assert "s3-bucket-a" in state
    assert secret not in state
    assert base64.b64encode(secret.encode()).decode() not in state


def test_each_team_has_a_server_that_passes_restricted(platform: EmbeddedCluster) -> None:
    labels = platform.get("namespace", NAMESPACE)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    servers = {item["metadata"]["name"] for item in platform.get("deployments", "-n", NAMESPACE)["items"]}
    assert {"s3-bucket-a", "s3-bucket-b"} <= servers
