"""Rules for the whole graph of every AWS stack: how its resources fit together, whatever each of them is."""

from __future__ import annotations

import ipaddress
import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from components import catalog
from components.aws import policies, tags
from components.aws.compute.addons import REQUIRED
from tests.unit.aws.engine import ENVIRONMENTS, STACKS, TEAM_STACK, deployed, stack_file
from tests.unit.recorder import Graph, Registration

# Policies that AWS maintains and that are attached as they are, and why not a narrower one of ours.
MANAGED_POLICIES = {
    "AWSBackupServiceRolePolicyForS3Backup": "AWS Backup's own, of which it changes the content",
    "AmazonEC2ContainerRegistryPullOnly": "nodes pull images, also AWS's own from other accounts",
    "AmazonEKSClusterPolicy": "what the EKS control plane calls is known to AWS alone",
    "AmazonEKSWorkerNodePolicy": "a node describes itself before it joins",
    "AmazonEKS_CNI_Policy": "the CNI plugin moves addresses between interfaces of any node",
    "service-role/AWSBackupServiceRolePolicyForBackup": "AWS Backup's own, of which it changes the content",
    "service-role/AmazonEBSCSIDriverPolicy": "scoped to the driver's tags by AWS",
    "service-role/AmazonEFSCSIDriverPolicy": "scoped to the driver's tags by AWS",
}
# Without these, or with others in their place, something that people need is gone for good.
STATEFUL = {
    "aws:backup/vault:Vault": "retained",
    "aws:ecr/repository:Repository": "retained",
    "aws:efs/fileSystem:FileSystem": "retained",
    "aws:fsx/lustreFileSystem:LustreFileSystem": "protected",
    "aws:kms/key:Key": "retained",
    "aws:rds/instance:Instance": "protected",
    "aws:s3/bucket:Bucket": "retained",
    "aws:secretsmanager/secret:Secret": "protected",
}
POLICY_KEYS = ("assumeRolePolicy", "policy")


@pytest.fixture(scope="module", params=STACKS)
def stack(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def graph(stack: str) -> Graph:
    return deployed(stack).graph


@pytest.fixture(scope="module", params=ENVIRONMENTS)
def environment(request: pytest.FixtureRequest) -> Graph:
    return deployed(request.param).graph


def aws_resources(graph: Graph) -> list[Registration]:
    return [found for found in graph.registrations if found.type.startswith("aws:")]


def of_type(graph: Graph, kind: str) -> list[Registration]:
    """The AWS resources of a type, such as `ec2/subnet:Subnet`."""
    return [found for found in graph.registrations if found.type == f"aws:{kind}"]


def config_of(stack: str) -> dict[str, Any]:
    return stack_file(stack)["ml-platform:environment"]["cluster"]


def documents(graph: Graph) -> Iterator[tuple[Registration, str, dict[str, Any]]]:
    """Every policy document of the graph: who has it, in which property, and what it says."""
    for found in aws_resources(graph):
        for key in POLICY_KEYS:
            text = found.inputs.get(key)
            if isinstance(text, str) and '"Statement"' in text:
                yield found, key, json.loads(text)


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_every_aws_resource_has_the_provider_that_knows_account_region_and_tags(graph: Graph, stack: str) -> None:
    (provider,) = graph.of_kind("aws")
    inputs = {key: json.loads(value) if key != "region" else value for key, value in provider.inputs.items()}
    environment = stack.partition("-")[0]
    cluster = config_of(environment)
    assert inputs["allowedAccountIds"] == [cluster["account"]]
    assert inputs["region"] == cluster["region"]
    assert inputs["defaultTags"]["tags"]["environment"] == environment
    assert set(tags.REQUIRED) <= set(inputs["defaultTags"]["tags"])
    strangers = [r.urn for r in aws_resources(graph) if not r.provider.startswith(provider.urn)]
    assert not strangers


@pytest.mark.proves("aws", "network: subnets over zones that move nothing when one is added")
def test_subnets_are_in_the_vpc_and_apart_from_each_other(environment: Graph) -> None:
    (vpc,) = of_type(environment, "ec2/vpc:Vpc")
    network = ipaddress.IPv4Network(vpc.inputs["cidrBlock"])
    subnets = of_type(environment, "ec2/subnet:Subnet")
    cidrs = [ipaddress.IPv4Network(subnet.inputs["cidrBlock"]) for subnet in subnets]
    assert all(cidr.subnet_of(network) for cidr in cidrs)
    assert not [pair for pair in itertools.combinations(cidrs, 2) if pair[0].overlaps(pair[1])]
    zones = {subnet.inputs["availabilityZone"] for subnet in subnets}
    assert len(zones) >= 2
    assert len(subnets) == 3 * len(zones)
    assert not any(subnet.inputs["mapPublicIpOnLaunch"] for subnet in subnets)


def test_every_role_is_trusted_by_somebody_can_do_something_and_is_used(stack: str, graph: Graph) -> None:
    for role in of_type(graph, "iam/role:Role"):
        trust = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
        assert all(statement["Principal"] and statement["Action"] for statement in trust), role.name
        # The one by which External Secrets reads is used by a team's SecretStore.
        dependents = [r for r in graph.registrations if role.urn in r.depends_on]
        rights = [r for r in dependents if r.kind in ("RolePolicy", "RolePolicyAttachment")]
        users = [r for r in dependents if r not in rights]
        assert rights, f"{role.name} may do nothing"
        if not users:
            # A team with a stack of its own: its workloads, and so the users of its role, are there.
            arn = deployed(stack).result["aws"]["teams"]["vision"]["role"]
            assert role.name in arn, f"{role.name} is used by nobody"
            others = of_type(deployed(TEAM_STACK).graph, "eks/podIdentityAssociation:PodIdentityAssociation")
            assert arn in [other.inputs["roleArn"] for other in others]


@pytest.mark.proves("aws", "identities: each pod its own role, no statement too wide")
def test_every_policy_statement_is_scoped(graph: Graph) -> None:
    for owner, key, document in documents(graph):
        sids = [statement.get("Sid") for statement in document["Statement"]]
        assert all(sids), f"{owner.name}.{key}: a statement without a Sid"
        assert len(set(sids)) == len(sids), f"{owner.name}.{key}: {sids}"
        for statement in document["Statement"]:
            place = f"{owner.name}.{key}, {statement['Sid']}"
            resources = as_list(statement.get("Resource", []))
            if statement["Effect"] == "Deny":
                continue
            actions = as_list(statement["Action"])
            assert not [action for action in actions if "*" in action], place
            if "*" in resources:
                on_a_key = owner.type == "aws:kms/key:Key"
                assert on_a_key or policies.WITHOUT_RESOURCE.issuperset(actions), place
            if statement.get("Principal") in ("*", {"AWS": "*"}):
                assert statement["Condition"], place


def test_policies_name_no_other_account_and_no_other_region(stack: str, graph: Graph) -> None:
    cluster = config_of(stack.partition("-")[0])
    for owner, _, document in documents(graph):
        for statement in document["Statement"]:
            for resource in as_list(statement.get("Resource", [])):
                if not resource.startswith("arn:") or ":000000000000:" in resource:
                    # What AWS would compute, the test's engine answered.
                    continue
                _, _, _, region, account, _ = resource.split(":", 5)
                assert region in ("", cluster["region"]), f"{owner.name}: {resource}"
                assert account in ("", "*", cluster["account"]), f"{owner.name}: {resource}"


def test_policies_of_aws_are_those_with_a_reason(environment: Graph) -> None:
    attached = {
        r.inputs["policyArn"].partition(":policy/")[2]
        for r in of_type(environment, "iam/rolePolicyAttachment:RolePolicyAttachment")
    }
    assert attached <= set(MANAGED_POLICIES)


def test_nodes_may_join_and_pull_images_and_nothing_else(environment: Graph) -> None:
    (profile,) = of_type(environment, "iam/instanceProfile:InstanceProfile")
    rights = [
        r
        for r in aws_resources(environment)
        if r.kind in ("RolePolicy", "RolePolicyAttachment") and r.inputs["role"] == profile.inputs["role"]
    ]
    assert sorted(r.inputs["policyArn"].rpartition("/")[2] for r in rights) == [
        "AmazonEC2ContainerRegistryPullOnly",
        "AmazonEKSWorkerNodePolicy",
    ]


def test_every_security_group_rule_has_a_reason_and_none_is_open_to_the_world(environment: Graph) -> None:
    rules = [r for r in aws_resources(environment) if r.kind.startswith("SecurityGroup") and "Rule" in r.kind]
    assert rules
    for rule in rules:
        assert len(rule.inputs["description"]) > 10, rule.name
        assert rule.inputs.get("cidrIpv4") != "0.0.0.0/0", rule.name
    for group in of_type(environment, "ec2/securityGroup:SecurityGroup"):
        assert group.inputs["description"] != "Managed by Pulumi"
        assert not group.inputs.get("ingress"), f"{group.name}: rules have a resource of their own"
        assert not group.inputs.get("egress"), f"{group.name}: rules have a resource of their own"
        assert [r for r in rules if group.urn in r.depends_on], f"{group.name}: a group without rules"
    (default,) = of_type(environment, "ec2/defaultSecurityGroup:DefaultSecurityGroup")
    assert default.inputs["ingress"] == default.inputs["egress"] == []


@pytest.mark.proves("aws", "EKS: private, encrypted, with its add-ons")
def test_addons_have_the_catalogs_version_for_the_clusters_kubernetes(environment: Graph) -> None:
    (cluster,) = of_type(environment, "eks/cluster:Cluster")
    known = catalog.load().eks.kubernetes[cluster.inputs["version"]].addons
    addons = {a.inputs["addonName"]: a.inputs["addonVersion"] for a in of_type(environment, "eks/addon:Addon")}
    assert addons.items() <= known.items()
    assert set(REQUIRED) <= set(addons)
    cni = next(a for a in of_type(environment, "eks/addon:Addon") if a.inputs["addonName"] == "vpc-cni")
    assert json.loads(cni.inputs["configurationValues"])["enableNetworkPolicy"] == "true"


def test_what_aws_makes_on_our_behalf_is_tagged_too(environment: Graph) -> None:
    (provider,) = environment.of_kind("aws")
    wanted = json.loads(provider.inputs["defaultTags"])["tags"].items()
    for template in of_type(environment, "ec2/launchTemplate:LaunchTemplate"):
        specified = {s["resourceType"]: s["tags"] for s in template.inputs["tagSpecifications"]}
        assert set(specified) == {"instance", "volume", "network-interface"}
        assert all(wanted <= found.items() for found in specified.values())
    for node_class in environment.of_kind("EC2NodeClass"):
        assert wanted <= node_class.inputs["spec"]["tags"].items()
    ebs = next(a for a in of_type(environment, "eks/addon:Addon") if "ebs" in a.inputs["addonName"])
    configured = json.loads(ebs.inputs["configurationValues"])
    assert wanted <= configured["controller"]["extraVolumeTags"].items()
    (template,) = of_type(environment, "ecr/repositoryCreationTemplate:RepositoryCreationTemplate")
    assert wanted <= template.inputs["resourceTags"].items()


def test_what_is_a_teams_carries_the_teams_tag(graph: Graph) -> None:
    parents = ("TeamResources", "WorkloadIdentities")
    for found in aws_resources(graph):
        inside = [part for part in parents if f"mlplatform:aws:{part}$" in found.urn]
        if inside and "tags" in found.inputs:
            assert found.inputs["tags"]["team"] in found.name, found.name


@pytest.mark.proves("aws", "data: buckets, file systems, databases and registries encrypted and protected")
def test_what_has_state_is_protected(environment: Graph) -> None:
    found = [r for r in aws_resources(environment) if r.type in STATEFUL]
    assert {r.type for r in found} >= {"aws:s3/bucket:Bucket", "aws:kms/key:Key", "aws:rds/instance:Instance"}
    for resource in found:
        assert resource.protect, resource.name
        if STATEFUL[resource.type] == "retained":
            assert resource.retain_on_delete, resource.name
    (database,) = of_type(environment, "rds/instance:Instance")
    assert database.inputs["skipFinalSnapshot"] is False
    # A bucket that stays must stay private: its locks stay with it.
    locks = ("BucketPublicAccessBlock", "BucketPolicy", "BucketServerSideEncryptionConfiguration")
    for lock in (r for r in aws_resources(environment) if r.kind in locks):
        assert lock.retain_on_delete, lock.name


def test_every_type_with_data_is_known_to_be_stateful(graph: Graph) -> None:
    words = ("bucket:Bucket", "fileSystem:FileSystem", "lustre", "instance:Instance", "repository:Repository")
    kinds = {r.type for r in aws_resources(graph) if any(word in r.type for word in words)}
    assert kinds <= set(STATEFUL)


@pytest.mark.proves("aws", "data: buckets, file systems, databases and registries encrypted and protected")
def test_stores_are_encrypted_with_our_keys_and_private(environment: Graph) -> None:
    for kind, key in (
        ("efs/fileSystem:FileSystem", "kmsKeyId"),
        ("fsx/lustreFileSystem:LustreFileSystem", "kmsKeyId"),
        ("rds/instance:Instance", "kmsKeyId"),
        ("backup/vault:Vault", "kmsKeyArn"),
        ("secretsmanager/secret:Secret", "kmsKeyId"),
        ("cloudwatch/logGroup:LogGroup", "kmsKeyId"),
    ):
        for store in of_type(environment, kind):
            assert ":kms:" in store.inputs[key], store.name
    buckets = of_type(environment, "s3/bucket:Bucket")
    blocks = of_type(environment, "s3/bucketPublicAccessBlock:BucketPublicAccessBlock")
    assert len(buckets) == len(blocks)
    for block in blocks:
        assert [v for k, v in block.inputs.items() if k != "bucket"] == [True] * 4
    (database,) = of_type(environment, "rds/instance:Instance")
    assert database.inputs["publiclyAccessible"] is False
    assert "password" not in database.inputs


def test_a_small_database_does_not_ask_for_what_its_class_has_not() -> None:
    asked: dict[str, bool] = {}
    for stack in ENVIRONMENTS:
        (database,) = of_type(deployed(stack).graph, "rds/instance:Instance")
        asked[database.inputs["instanceClass"]] = database.inputs["performanceInsightsEnabled"]
    assert asked == {"db.t4g.micro": False, "db.m7g.large": True}


def test_karpenter_finds_the_private_subnets_and_the_clusters_group_and_nothing_else(environment: Graph) -> None:
    wanted = {"karpenter.sh/discovery": environment.one("Cluster", "eks-control-plane").inputs["name"]}
    classes = environment.of_kind("EC2NodeClass")
    assert classes
    for node_class in classes:
        spec = node_class.inputs["spec"]
        assert spec["subnetSelectorTerms"] == [{"tags": wanted}]
        assert spec["securityGroupSelectorTerms"][0] == {"tags": wanted}
    subnets = of_type(environment, "ec2/subnet:Subnet")
    marked = [s for s in subnets if wanted.items() <= s.inputs["tags"].items()]
    assert marked == [s for s in subnets if "-private-" in s.name]
    (group,) = of_type(environment, "ec2/tag:Tag")
    assert {group.inputs["key"]: group.inputs["value"]} == wanted
    assert group.inputs["resourceId"] == "sg-cluster"
    (queue,) = of_type(environment, "sqs/queue:Queue")
    (release,) = [r for r in environment.of_kind("Release") if r.inputs["name"] == "karpenter"]
    values = release.inputs["values"]
    assert values["settings"]["interruptionQueue"] == queue.inputs["name"]
    association = environment.one("PodIdentityAssociation", "karpenter-identity-association").inputs
    assert association["serviceAccount"] == values["serviceAccount"]["name"]
    assert association["namespace"] == release.inputs["namespace"]


def test_karpenter_may_do_what_its_own_queue_role_and_profile_are_called(environment: Graph) -> None:
    policy = next(r for r in of_type(environment, "iam/rolePolicy:RolePolicy") if r.name.startswith("karpenter"))
    statements = {s["Sid"]: s for s in json.loads(policy.inputs["policy"])["Statement"]}
    (profile,) = of_type(environment, "iam/instanceProfile:InstanceProfile")
    assert statements["ReadTheInstanceProfile"]["Resource"].endswith(f"instance-profile/{profile.inputs['name']}")
    (queue_policy,) = of_type(environment, "sqs/queuePolicy:QueuePolicy")
    allowed = json.loads(queue_policy.inputs["policy"])["Statement"][0]["Condition"]["ArnEquals"]["aws:SourceArn"]
    rules = [r.inputs["name"] for r in of_type(environment, "cloudwatch/eventRule:EventRule")]
    assert sorted(arn.rpartition("/")[2] for arn in allowed) == sorted(rules)


@pytest.mark.proves("aws", "identities: each pod its own role, no statement too wide")
def test_a_pod_identity_is_given_where_its_role_trusts_it(environment: Graph) -> None:
    by_arn = {f":{r.name}": r for r in of_type(environment, "iam/role:Role")}
    associations = of_type(environment, "eks/podIdentityAssociation:PodIdentityAssociation")
    given = [(a.inputs["roleArn"], a.inputs["namespace"], a.inputs["serviceAccount"]) for a in associations]
    for addon in of_type(environment, "eks/addon:Addon"):
        entries = addon.inputs.get("podIdentityAssociations", [])
        given += [(entry["roleArn"], "kube-system", entry["serviceAccount"]) for entry in entries]
    assert len(given) > 3
    for arn, namespace, service_account in given:
        role = by_arn[arn[arn.rindex(":") :]]
        (statement,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
        condition = statement["Condition"]["StringEquals"]
        assert condition["aws:RequestTag/kubernetes-namespace"] == namespace
        assert condition.get("aws:RequestTag/kubernetes-service-account", service_account) == service_account


def test_nodes_keep_their_credentials_from_pods_and_their_disks_encrypted(environment: Graph) -> None:
    for template in of_type(environment, "ec2/launchTemplate:LaunchTemplate"):
        options = template.inputs["metadataOptions"]
        assert (options["httpTokens"], options["httpPutResponseHopLimit"]) == ("required", 1)
        assert all(m["ebs"]["encrypted"] == "true" for m in template.inputs["blockDeviceMappings"])
    for node_class in environment.of_kind("EC2NodeClass"):
        spec = node_class.inputs["spec"]
        assert (spec["metadataOptions"]["httpTokens"], spec["metadataOptions"]["httpPutResponseHopLimit"]) == (
            "required",
            1,
        )
        assert all(m["ebs"]["encrypted"] for m in spec["blockDeviceMappings"])


@pytest.mark.proves("aws", "node pools: groups, Karpenter, Auto Mode, capacity blocks")
@pytest.mark.parametrize("stack", ENVIRONMENTS)
def test_every_pool_has_a_limit_and_gpu_nodes_a_taint(stack: str) -> None:
    graph = deployed(stack).graph
    pools = {pool["name"]: pool for pool in config_of(stack)["nodePools"]}
    scaled = {r.inputs["metadata"]["name"]: r.inputs["spec"] for r in graph.of_kind("NodePool")}
    groups = {r.inputs["nodeGroupName"]: r.inputs for r in of_type(graph, "eks/nodeGroup:NodeGroup")}
    assert set(scaled) | set(groups) == set(pools)
    for name, spec in scaled.items():
        assert all(int(limit) > 0 for limit in spec["limits"].values())
        tainted = [taint["key"] for taint in spec["template"]["spec"]["taints"]]
        assert tainted == (["nvidia.com/gpu"] if pools[name]["kind"] == "gpu" else [])
        assert spec["template"]["metadata"]["labels"]["ml-platform/node-pool"] == name
    for name, group in groups.items():
        assert group["scalingConfig"]["maxSize"] == pools[name]["max"]
        tainted = [taint["key"] for taint in group["taints"]]
        assert tainted == (["nvidia.com/gpu"] if pools[name]["kind"] == "gpu" else [])


@pytest.mark.proves("aws", "EKS: private, encrypted, with its add-ons")
def test_production_is_private_and_refuses_to_be_deleted() -> None:
    graph = deployed("prod").graph
    cluster = graph.one("Cluster", "eks-control-plane")
    assert cluster.inputs["vpcConfig"]["endpointPublicAccess"] is False
    assert cluster.inputs["vpcConfig"]["endpointPrivateAccess"] is True
    assert cluster.inputs["deletionProtection"] is True
    assert cluster.protect
    (database,) = of_type(graph, "rds/instance:Instance")
    assert database.inputs["deletionProtection"] is True
    assert database.inputs["multiAz"] is True
    assert len(of_type(graph, "ec2/natGateway:NatGateway")) == 3


def test_a_public_api_server_answers_only_the_networks_of_the_config() -> None:
    access = deployed("staging").graph.one("Cluster", "eks-control-plane").inputs["vpcConfig"]
    assert access["publicAccessCidrs"] == config_of("staging")["apiServer"]["cidrs"]
    assert access["endpointPrivateAccess"] is True


def test_a_destroy_takes_workloads_first_then_pools_then_controllers_then_the_cluster(environment: Graph) -> None:
    urns = {r.name: r.urn for r in environment.registrations}
    before_provider = environment.before(environment.by_urn()[urns["cluster-provider"]])
    pools = [r for r in environment.registrations if r.kind in ("NodeGroup", "NodePool", "EC2NodeClass")]
    assert pools
    assert {pool.urn for pool in pools} <= before_provider
    workloads = [r for r in environment.objects() if r.provider.startswith(urns["cluster-provider"])]
    assert {"Deployment", "Job", "Namespace"} <= {r.kind for r in workloads}
    controller = urns["karpenter-controller"]
    for pool in environment.of_kind("NodePool"):
        assert controller in environment.before(pool)
    for release in environment.of_kind("Release"):
        assert urns["pool-system-group"] in environment.before(environment.by_urn()[urns["bootstrap"]])
        # Operators of the platform are workloads; the provider of those waits for the pools.
        assert release.provider.startswith((urns["bootstrap"], urns["cluster-provider"]))
    for group in of_type(environment, "eks/nodeGroup:NodeGroup"):
        assert urns["eks-control-plane"] in environment.before(group)


@pytest.mark.proves("teams", "a stack of a team's own")
def test_a_team_stack_makes_workloads_and_their_identities_only() -> None:
    graph = deployed(TEAM_STACK).graph
    assert {r.kind for r in aws_resources(graph)} == {"PodIdentityAssociation"}
    namespaces = {r.inputs["metadata"]["namespace"] for r in graph.objects()}
    assert namespaces == {"vision"}
    assert not {"Namespace", "ResourceQuota", "Role", "RoleBinding"} & {r.kind for r in graph.objects()}
