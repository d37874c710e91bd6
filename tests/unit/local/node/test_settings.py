"""The settings of the embedded node: pure functions, so that what they promise can be read off."""

from __future__ import annotations

import configparser
import ipaddress
import itertools
import json
from pathlib import Path

import pytest
import yaml

from local.addons.simulated import SimulatedPool, published_devices, simulated_nodes, simulated_pools
from local.node import programs, script, settings
from local.node.addresses import SLOTS, addresses, free_slot
from stacks.clouds.config import LocalCluster
from stacks.gpu.config import Gpu

PROGRAMS = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kwok",
    "network-policies",
)


@pytest.fixture
def node() -> settings.Node:
    return settings.Node(
        name="ml-platform-dev",
        addresses=addresses(0),
        state=Path("/state"),
        programs={name: Path("/tools") / name for name in PROGRAMS},
        logs=Path("/state/log"),
        snapshotter="overlayfs",
        cgroup="/ml-platform-dev",
    )


def flags(command: list[str]) -> dict[str, str]:
    return dict(word.removeprefix("--").split("=", 1) for word in command[1:])


def test_no_two_clusters_share_an_address() -> None:
    base = ipaddress.IPv4Network("10.96.0.0/16")
    ranges = [
        network
        for slot in range(SLOTS)
        for network in (
            addresses(slot, str(base)).link,
            addresses(slot, str(base)).pods,
            addresses(slot, str(base)).services,
        )
    ]
    assert all(one.subnet_of(base) for one in ranges)
    assert not any(one.overlaps(other) for one, other in itertools.combinations(ranges, 2))


def test_the_addresses_of_a_cluster() -> None:
    network = addresses(1, "10.96.0.0/16")
    assert network.api_service == str(network.services[1])
    assert {network.host, network.node} == {str(address) for address in network.link.hosts()}
    assert network.server == f"https://{network.node}:6443"


@pytest.mark.parametrize(
    ("routed", "slot"),
    [
        ([], 0),
        (["192.168.0.0/16"], 0),
        (["10.96.0.0/30"], 1),
        (["10.96.0.0/20", "10.96.20.0/22"], 2),
        (["10.0.0.0/8"], None),
    ],
)
def test_a_cluster_takes_the_first_free_slot(routed: list[str], slot: int | None) -> None:
    assert free_slot(map(ipaddress.IPv4Network, routed), "10.96.0.0/16") == slot


@pytest.mark.parametrize("program", [*PROGRAMS, "containerd"])
def test_no_program_listens_wider_than_loopback_and_the_node(node: settings.Node, program: str) -> None:
    allowed = {"127.0.0.1", node.addresses.node}
    for name, value in flags(programs.commands(node)[program]).items():
        if "address" in name or name.endswith("-urls"):
            host = value.removeprefix("https://").partition(":")[0]
            assert host in allowed or name == "kubelet-preferred-address-types", (name, value)
    for text in (settings.kubelet(node), settings.kube_proxy(node)):
        for name, value in yaml.safe_load(text).items():
            if name.endswith("Address") and isinstance(value, str):
                assert value.partition(":")[0] in allowed, (name, value)


def test_etcd_asks_its_clients_for_a_certificate(node: settings.Node) -> None:
    etcd = flags(programs.commands(node)["etcd"])
    assert etcd["client-cert-auth"] == etcd["peer-client-cert-auth"] == "true"
    assert etcd["listen-client-urls"].startswith("https://127.0.0.1:")


def test_the_api_server_authorizes_audits_and_encrypts(node: settings.Node) -> None:
    server = flags(programs.commands(node)["kube-apiserver"])
    assert server["authorization-mode"] == "Node,RBAC"
    assert server["anonymous-auth"] == "false"
    assert "NodeRestriction" in server["enable-admission-plugins"]
    assert server["encryption-provider-config"].endswith("encryption.yaml")
    providers = yaml.safe_load(settings.encryption("c2VjcmV0"))["resources"][0]["providers"]
    # The first provider writes: it must be the one that encrypts.
    assert "secretbox" in providers[0]
    levels = {rule["level"] for rule in yaml.safe_load(settings.audit_policy())["rules"]}
    assert levels == {"None", "Metadata"}


def test_images_are_never_collected(node: settings.Node) -> None:
    assert yaml.safe_load(settings.kubelet(node))["imageGCHighThresholdPercent"] == 100


def test_pods_get_addresses_of_the_pod_range(node: settings.Node) -> None:
    plugin = json.loads(settings.cni(node))["plugins"][0]
    assert plugin["ipam"]["ranges"] == [[{"subnet": str(node.addresses.pods)}]]


def test_packets_wait_for_the_engine_that_listens(node: settings.Node) -> None:
    rules = script.policy_rules(node.addresses)
    (waiting,) = [rule for rule in rules if "NFQUEUE" in rule]
    assert waiting.endswith(f"--queue-num {flags(programs.commands(node)['network-policies'])['queue']}")
    # With a bypass, pods would be free whenever the engine is not there.
    assert "bypass" not in waiting
    # All that a pod sends or gets, to other addresses and to the node itself.
    assert {tuple(rule.split()[4:7]) for rule in rules if rule.endswith("-j POD-POLICIES")} == {
        ("POSTROUTING", "-s", str(node.addresses.pods)),
        ("POSTROUTING", "-d", str(node.addresses.pods)),
        ("INPUT", "-s", str(node.addresses.pods)),
    }


def test_the_supervisor_starts_every_program_in_order(node: settings.Node) -> None:
    parser = configparser.RawConfigParser()
    parser.read_string(programs.supervisor(node))
    priorities = {
        section.removeprefix("program:"): int(parser[section]["priority"])
        for section in parser.sections()
        if section.startswith("program:")
    }
    assert sorted(priorities, key=lambda name: priorities[name]) == list(programs.commands(node))
    assert priorities["etcd"] < priorities["kube-apiserver"] < priorities["kubelet"]
    assert parser["unix_http_server"]["chmod"] == "0700"


SIMULATED = LocalCluster.model_validate(
    {
        "kind": "local",
        "simulatedNodes": [
            {
                "name": "a100",
                "count": 3,
                "gpus": 8,
                "instanceType": "p4d.24xlarge",
                "gpuProduct": "NVIDIA-A100-SXM4-40GB",
                "dedicatedTo": "vision",
            },
            {"name": "x", "count": 1, "gpus": 1, "instanceType": "g5.xlarge"},
        ],
    }
)


def test_simulated_nodes_look_like_gpu_nodes() -> None:
    nodes = simulated_nodes(simulated_pools(SIMULATED, None))
    assert [node["metadata"]["name"] for node in nodes] == ["a100-0", "a100-1", "a100-2", "x-0"]
    for node in nodes[:3]:
        assert node["status"]["allocatable"]["nvidia.com/gpu"] == "8"
        assert [taint["key"] for taint in node["spec"]["taints"]] == ["nvidia.com/gpu", "ml-platform/team"]
        assert {taint["effect"] for taint in node["spec"]["taints"]} == {"NoSchedule"}
        assert node["metadata"]["annotations"] == {"kwok.x-k8s.io/node": "fake"}
        assert node["metadata"]["labels"]["nvidia.com/gpu.product"] == "NVIDIA-A100-SXM4-40GB"
        assert node["metadata"]["labels"]["ml-platform/team"] == "vision"


def test_a_pool_without_a_product_or_a_team_has_no_label_of_it() -> None:
    node = simulated_nodes(simulated_pools(SIMULATED, None))[3]
    assert not {"nvidia.com/gpu.product", "ml-platform/team"} & set(node["metadata"]["labels"])
    assert [taint["key"] for taint in node["spec"]["taints"]] == ["nvidia.com/gpu"]


def test_simulated_gpus_are_shared_as_the_config_says() -> None:
    gpu = Gpu.model_validate({"pools": [{"name": "x", "sharing": {"kind": "time-slicing", "replicas": 4}}]})
    pools = simulated_pools(SIMULATED, gpu)
    assert [pool.offers for pool in pools] == [{"nvidia.com/gpu": 8}, {"nvidia.com/gpu.shared": 4}]
    assert published_devices(pools) == []


def test_claimed_gpus_are_published_and_no_resource() -> None:
    pools: list[SimulatedPool] = simulated_pools(SIMULATED, Gpu.model_validate({"driver": "none", "dra": True}))
    assert all(not pool.offers for pool in pools)
    device_class, *slices = published_devices(pools)
    assert (device_class["kind"], device_class["metadata"]["name"]) == ("DeviceClass", "gpu.nvidia.com")
    assert [(one["spec"]["nodeName"], len(one["spec"]["devices"])) for one in slices] == [
        ("a100-0", 8),
        ("a100-1", 8),
        ("a100-2", 8),
        ("x-0", 1),
    ]
