"""The table: each AWS resource type of the graph, and the API calls that make it."""

from __future__ import annotations

import itertools
from typing import Any

from tests.aws.calls import ID, Call, Inputs, Row

_NO_CALL = "says how the provider goes about it, not what is there"
_ON_DELETE = "matters when the resource is deleted"


def _permission(rule: Inputs) -> Inputs:
    """A security group rule, as the API has it: a permission with one source."""
    permission: dict[str, Any] = {"IpProtocol": rule["ipProtocol"]}
    for ours, theirs in (("fromPort", "FromPort"), ("toPort", "ToPort")):
        if ours in rule:
            permission[theirs] = rule[ours]
    if "cidrIpv4" in rule:
        permission["IpRanges"] = [{"CidrIp": rule["cidrIpv4"], "Description": rule["description"]}]
    else:
        source = {"GroupId": rule["referencedSecurityGroupId"], "Description": rule["description"]}
        permission["UserIdGroupPairs"] = [source]
    return {"GroupId": rule["securityGroupId"], "IpPermissions": [permission]}


def _launch_template(template: Inputs) -> Inputs:
    outside = ("name", "description")
    data = {key: value for key, value in template.items() if key not in outside}
    for interface in data.get("networkInterfaces", []):
        # The one property of an interface that is called otherwise.
        interface["groups"] = interface.pop("securityGroups")
    return {
        "LaunchTemplateName": template["name"],
        "VersionDescription": template["description"],
        "LaunchTemplateData": data,
    }


def _backup_plan(plan: Inputs) -> Inputs:
    rules = [
        {
            "RuleName": rule["ruleName"],
            "TargetBackupVaultName": rule["targetVaultName"],
            "ScheduleExpression": rule["schedule"],
            "StartWindowMinutes": rule["startWindow"],
            "CompletionWindowMinutes": rule["completionWindow"],
            "Lifecycle": {"DeleteAfterDays": rule["lifecycle"]["deleteAfter"]},
        }
        for rule in plan["rules"]
    ]
    return {"BackupPlan": {"BackupPlanName": plan["name"], "Rules": rules}, "BackupPlanTags": plan["tags"]}


def _backup_selection(selection: Inputs) -> Inputs:
    return {
        "BackupPlanId": selection["planId"],
        "BackupSelection": {
            "SelectionName": selection["name"],
            "IamRoleArn": selection["iamRoleArn"],
            "ListOfTags": [
                {"ConditionType": tag["type"], "ConditionKey": tag["key"], "ConditionValue": tag["value"]}
                for tag in selection["selectionTags"]
            ],
        },
    }


def _budget(budget: Inputs) -> Inputs:
    return {
        "Budget": {
            "BudgetName": budget["name"],
            "BudgetType": budget["budgetType"],
            "TimeUnit": budget["timeUnit"],
            "BudgetLimit": {"Amount": budget["limitAmount"], "Unit": budget["limitUnit"]},
            "CostFilters": {entry["name"]: entry["values"] for entry in budget["costFilters"]},
        },
        "NotificationsWithSubscribers": [
            {
                "Notification": {
                    "NotificationType": alert["notificationType"],
                    "ComparisonOperator": alert["comparisonOperator"],
                    "Threshold": alert["threshold"],
                    "ThresholdType": alert["thresholdType"],
                },
                "Subscribers": [
                    {"SubscriptionType": "EMAIL", "Address": address} for address in alert["subscriberEmailAddresses"]
                ],
            }
            for alert in budget["notifications"]
        ],
        "ResourceTags": budget["tags"],
    }


def _lustre(files: Inputs) -> Inputs:
    of_lustre = (
        "automaticBackupRetentionDays",
        "dataCompressionType",
        "deploymentType",
        "perUnitStorageThroughput",
    )
    outside = {key: value for key, value in files.items() if key not in of_lustre}
    return {**outside, "LustreConfiguration": {key: files[key] for key in of_lustre}}


def _queue(queue: Inputs) -> Inputs:
    attributes = {
        "MessageRetentionPeriod": f"{queue['messageRetentionSeconds']:g}",
        "SqsManagedSseEnabled": str(queue["sqsManagedSseEnabled"]).lower(),
    }
    return {"QueueName": queue["name"], "Attributes": attributes, "tags": queue["tags"]}


def _encryption(bucket: Inputs) -> Inputs:
    rules = [
        {
            "ApplyServerSideEncryptionByDefault": {
                "SSEAlgorithm": rule["applyServerSideEncryptionByDefault"]["sseAlgorithm"],
                "KMSMasterKeyID": rule["applyServerSideEncryptionByDefault"].get("kmsMasterKeyId"),
            },
            "BucketKeyEnabled": rule["bucketKeyEnabled"],
        }
        for rule in bucket["rules"]
    ]
    return {"Bucket": bucket["bucket"], "ServerSideEncryptionConfiguration": {"Rules": rules}}


def _lifecycle(bucket: Inputs) -> Inputs:
    rules: list[Inputs] = []
    for rule in bucket["rules"]:
        kept = {key: rule[key] for key in ("id", "status", "filter", "expiration") if key in rule}
        if "noncurrentVersionExpiration" in rule:
            kept["noncurrentVersionExpiration"] = rule["noncurrentVersionExpiration"]
        if "abortIncompleteMultipartUpload" in rule:
            kept["abortIncompleteMultipartUpload"] = rule["abortIncompleteMultipartUpload"]
        rules.append(kept)
    return {"Bucket": bucket["bucket"], "LifecycleConfiguration": {"Rules": rules}}


def _node_group(group: Inputs) -> Inputs:
    renamed = {
        "launchTemplate": group["launchTemplate"],
        "nodeRole": group["nodeRoleArn"],
        "subnets": group["subnetIds"],
    }
    same = {k: v for k, v in group.items() if k not in ("launchTemplate", "nodeRoleArn", "subnetIds")}
    return {**same, **renamed}


def _cluster(cluster: Inputs) -> Inputs:
    encryption = cluster["encryptionConfig"]
    return {
        **{k: v for k, v in cluster.items() if k not in ("enabledClusterLogTypes", "encryptionConfig", "vpcConfig")},
        "logging": {"clusterLogging": [{"types": cluster["enabledClusterLogTypes"], "enabled": True}]},
        "encryptionConfig": [{"resources": encryption["resources"], "provider": encryption["provider"]}],
        "resourcesVpcConfig": cluster["vpcConfig"],
    }


def _s3_block(bucket: Inputs) -> Inputs:
    rest = {key: value for key, value in bucket.items() if key != "bucket"}
    return {"Bucket": bucket["bucket"], "PublicAccessBlockConfiguration": rest}


def _creation_template(template: Inputs) -> Inputs:
    (encryption,) = template["encryptionConfigurations"]
    same = {k: v for k, v in template.items() if k not in ("encryptionConfigurations", "appliedFors")}
    return {**same, "encryptionConfiguration": encryption, "appliedFor": template["appliedFors"]}


def _repository(repository: Inputs) -> Inputs:
    (encryption,) = repository["encryptionConfigurations"]
    same = {k: v for k, v in repository.items() if k not in ("encryptionConfigurations", "name")}
    return {**same, "encryptionConfiguration": encryption, "repositoryName": repository["name"]}


def _scaling_tag(tag: Inputs) -> Inputs:
    said = tag["tag"]
    entry = {
        "ResourceId": tag["autoscalingGroupName"],
        "ResourceType": "auto-scaling-group",
        "Key": said["key"],
        "Value": said["value"],
        "PropagateAtLaunch": said["propagateAtLaunch"],
    }
    return {"Tags": [entry]}


def ec2(operation: str, tag_as: str, **keys: Any) -> Call:
    """A call of EC2 that makes something with tags."""
    return Call(service="ec2", operation=operation, tag_as=tag_as, **keys)


TABLE: dict[str, Row] = {
    "autoscaling/tag:Tag": Row(
        first=Call(service="autoscaling", operation="create_or_update_tags", shape=_scaling_tag),
        lacking="moto makes no Auto Scaling group for an EKS node group",
    ),
    "backup/plan:Plan": Row(
        first=Call(service="backup", operation="create_backup_plan", shape=_backup_plan),
        id="BackupPlanId",
        arn="BackupPlanArn",
    ),
    "backup/selection:Selection": Row(
        first=Call(service="backup", operation="create_backup_selection", shape=_backup_selection),
        lacking="moto has no CreateBackupSelection",
    ),
    "backup/vault:Vault": Row(
        first=Call(
            service="backup",
            operation="create_backup_vault",
            rename={"name": "BackupVaultName", "kmsKeyArn": "EncryptionKeyArn", "tags": "BackupVaultTags"},
        ),
        id="BackupVaultName",
        arn="BackupVaultArn",
    ),
    "budgets/budget:Budget": Row(
        first=Call(service="budgets", operation="create_budget", shape=_budget, constants={"AccountId": "123456789012"})
    ),
    "cloudwatch/eventRule:EventRule": Row(first=Call(service="events", operation="put_rule"), arn="RuleArn"),
    "cloudwatch/eventTarget:EventTarget": Row(
        first=Call(
            service="events",
            operation="put_targets",
            shape=lambda t: {"Rule": t["rule"], "Targets": [{"Id": t["targetId"], "Arn": t["arn"]}]},
        )
    ),
    "cloudwatch/logGroup:LogGroup": Row(
        first=Call(service="logs", operation="create_log_group", rename={"name": "logGroupName"}),
        then=(
            Call(
                service="logs",
                operation="put_retention_policy",
                take=(ID, "retentionInDays"),
                rename={ID: "logGroupName"},
            ),
        ),
    ),
    "ec2/eip:Eip": Row(first=ec2("allocate_address", "elastic-ip"), id="AllocationId"),
    "ec2/flowLog:FlowLog": Row(
        first=ec2(
            "create_flow_logs",
            "vpc-flow-log",
            rename={"vpcId": "ResourceIds", "iamRoleArn": "DeliverLogsPermissionArn"},
            constants={"ResourceType": "VPC"},
        )
    ),
    "ec2/internetGateway:InternetGateway": Row(
        first=ec2("create_internet_gateway", "internet-gateway"),
        then=(
            Call(
                service="ec2",
                operation="attach_internet_gateway",
                take=(ID, "vpcId"),
                rename={ID: "InternetGatewayId"},
            ),
        ),
        id="InternetGateway.InternetGatewayId",
    ),
    "ec2/launchTemplate:LaunchTemplate": Row(
        first=ec2("create_launch_template", "launch-template", shape=_launch_template),
        id="LaunchTemplate.LaunchTemplateId",
        ignored={"updateDefaultVersion": _NO_CALL},
    ),
    "ec2/natGateway:NatGateway": Row(first=ec2("create_nat_gateway", "natgateway"), id="NatGateway.NatGatewayId"),
    "ec2/placementGroup:PlacementGroup": Row(
        first=ec2("create_placement_group", "placement-group", rename={"name": "GroupName"}),
        lacking="moto has no CreatePlacementGroup",
    ),
    "ec2/route:Route": Row(first=Call(service="ec2", operation="create_route")),
    "ec2/routeTable:RouteTable": Row(first=ec2("create_route_table", "route-table"), id="RouteTable.RouteTableId"),
    "ec2/routeTableAssociation:RouteTableAssociation": Row(
        first=Call(service="ec2", operation="associate_route_table"), id="AssociationId"
    ),
    "ec2/securityGroup:SecurityGroup": Row(
        first=ec2("create_security_group", "security-group", rename={"name": "GroupName"}), id="GroupId"
    ),
    "ec2/subnet:Subnet": Row(
        first=ec2("create_subnet", "subnet"),
        then=(
            Call(
                service="ec2",
                operation="modify_subnet_attribute",
                take=(ID, "mapPublicIpOnLaunch"),
                rename={ID: "SubnetId"},
            ),
        ),
        id="Subnet.SubnetId",
    ),
    "ec2/tag:Tag": Row(
        first=Call(
            service="ec2",
            operation="create_tags",
            shape=lambda t: {"Resources": [t["resourceId"]], "Tags": [{"Key": t["key"], "Value": t["value"]}]},
        )
    ),
    "ec2/vpc:Vpc": Row(
        first=ec2("create_vpc", "vpc"),
        then=tuple(
            Call(service="ec2", operation="modify_vpc_attribute", take=(ID, key), rename={ID: "VpcId"})
            for key in ("enableDnsSupport", "enableDnsHostnames")
        ),
        id="Vpc.VpcId",
    ),
    "ec2/vpcEndpoint:VpcEndpoint": Row(
        first=ec2("create_vpc_endpoint", "vpc-endpoint"), id="VpcEndpoint.VpcEndpointId"
    ),
    "ecr/lifecyclePolicy:LifecyclePolicy": Row(
        first=Call(
            service="ecr",
            operation="put_lifecycle_policy",
            rename={"repository": "repositoryName", "policy": "lifecyclePolicyText"},
        )
    ),
    "ecr/pullThroughCacheRule:PullThroughCacheRule": Row(
        first=Call(service="ecr", operation="create_pull_through_cache_rule"),
        lacking="moto has no CreatePullThroughCacheRule",
    ),
    "ecr/repository:Repository": Row(
        first=Call(service="ecr", operation="create_repository", shape=_repository),
        id="repository.repositoryName",
        arn="repository.repositoryArn",
    ),
    "ecr/repositoryCreationTemplate:RepositoryCreationTemplate": Row(
        first=Call(service="ecr", operation="create_repository_creation_template", shape=_creation_template),
        lacking="moto has no CreateRepositoryCreationTemplate",
    ),
    "efs/accessPoint:AccessPoint": Row(
        first=Call(service="efs", operation="create_access_point"), id="AccessPointId", arn="AccessPointArn"
    ),
    "efs/fileSystem:FileSystem": Row(
        first=Call(service="efs", operation="create_file_system"),
        then=(
            Call(
                service="efs",
                operation="put_lifecycle_configuration",
                take=(ID, "lifecyclePolicies"),
                rename={
                    ID: "FileSystemId",
                    "transitionToIa": "TransitionToIA",
                    "transitionToPrimaryStorageClass": "TransitionToPrimaryStorageClass",
                },
            ),
        ),
        id="FileSystemId",
        arn="FileSystemArn",
    ),
    "efs/fileSystemPolicy:FileSystemPolicy": Row(first=Call(service="efs", operation="put_file_system_policy")),
    "efs/mountTarget:MountTarget": Row(first=Call(service="efs", operation="create_mount_target"), id="MountTargetId"),
    "eks/accessEntry:AccessEntry": Row(
        first=Call(service="eks", operation="create_access_entry"), lacking="moto has no CreateAccessEntry"
    ),
    "eks/accessPolicyAssociation:AccessPolicyAssociation": Row(
        first=Call(service="eks", operation="associate_access_policy"),
        lacking="moto has no AssociateAccessPolicy",
    ),
    "eks/addon:Addon": Row(
        first=Call(service="eks", operation="create_addon", rename={"resolveConflictsOnCreate": "resolveConflicts"}),
        ignored={"resolveConflictsOnUpdate": "a parameter of UpdateAddon"},
        lacking="moto has no CreateAddon",
    ),
    "eks/cluster:Cluster": Row(
        first=Call(service="eks", operation="create_cluster", shape=_cluster),
        id="cluster.name",
        arn="cluster.arn",
    ),
    "eks/nodeGroup:NodeGroup": Row(
        first=Call(
            service="eks", operation="create_nodegroup", shape=_node_group, rename={"nodeGroupName": "nodegroupName"}
        ),
        id="nodegroup.nodegroupName",
    ),
    "eks/podIdentityAssociation:PodIdentityAssociation": Row(
        first=Call(service="eks", operation="create_pod_identity_association"),
        lacking="moto has no CreatePodIdentityAssociation",
    ),
    "fsx/dataRepositoryAssociation:DataRepositoryAssociation": Row(
        first=Call(service="fsx", operation="create_data_repository_association"),
        lacking="moto has no CreateDataRepositoryAssociation",
    ),
    "fsx/lustreFileSystem:LustreFileSystem": Row(
        first=Call(
            service="fsx", operation="create_file_system", shape=_lustre, constants={"FileSystemType": "LUSTRE"}
        ),
        id="FileSystem.FileSystemId",
        arn="FileSystem.ResourceARN",
        ignored={"skipFinalBackup": _ON_DELETE},
    ),
    "iam/instanceProfile:InstanceProfile": Row(
        first=Call(service="iam", operation="create_instance_profile", rename={"name": "InstanceProfileName"}),
        then=(
            Call(
                service="iam",
                operation="add_role_to_instance_profile",
                take=(ID, "role"),
                rename={ID: "InstanceProfileName", "role": "RoleName"},
            ),
        ),
        id="InstanceProfile.InstanceProfileName",
        arn="InstanceProfile.Arn",
    ),
    "iam/openIdConnectProvider:OpenIdConnectProvider": Row(
        first=Call(
            service="iam",
            operation="create_open_id_connect_provider",
            rename={"clientIdLists": "ClientIDList"},
        ),
        arn="OpenIDConnectProviderArn",
    ),
    "iam/role:Role": Row(
        first=Call(
            service="iam",
            operation="create_role",
            rename={"name": "RoleName", "assumeRolePolicy": "AssumeRolePolicyDocument"},
        ),
        id="Role.RoleName",
        arn="Role.Arn",
    ),
    "iam/rolePolicy:RolePolicy": Row(
        first=Call(
            service="iam",
            operation="put_role_policy",
            rename={"name": "PolicyName", "role": "RoleName", "policy": "PolicyDocument"},
        )
    ),
    "iam/rolePolicyAttachment:RolePolicyAttachment": Row(
        first=Call(service="iam", operation="attach_role_policy", rename={"role": "RoleName"})
    ),
    "kms/alias:Alias": Row(first=Call(service="kms", operation="create_alias", rename={"name": "AliasName"})),
    "kms/key:Key": Row(
        first=Call(
            service="kms",
            operation="create_key",
            take=("description", "policy", "tags"),
        ),
        then=(Call(service="kms", operation="enable_key_rotation", take=(ID,), rename={ID: "KeyId"}),),
        id="KeyMetadata.KeyId",
        arn="KeyMetadata.Arn",
        ignored={"deletionWindowInDays": _ON_DELETE, "enableKeyRotation": "is the second call itself"},
    ),
    "rds/instance:Instance": Row(
        first=Call(
            service="rds",
            operation="create_db_instance",
            rename={
                "backupRetentionPeriod": "BackupRetentionPeriod",
                "enabledCloudwatchLogsExports": "EnableCloudwatchLogsExports",
                "iamDatabaseAuthenticationEnabled": "EnableIAMDatabaseAuthentication",
                "identifier": "DBInstanceIdentifier",
                "instanceClass": "DBInstanceClass",
                "parameterGroupName": "DBParameterGroupName",
                "performanceInsightsEnabled": "EnablePerformanceInsights",
                "username": "MasterUsername",
                "performanceInsightsKmsKeyId": "PerformanceInsightsKMSKeyId",
            },
        ),
        id="DBInstance.DBInstanceIdentifier",
        arn="DBInstance.DBInstanceArn",
        ignored={
            "deleteAutomatedBackups": _ON_DELETE,
            "finalSnapshotIdentifier": _ON_DELETE,
            "skipFinalSnapshot": _ON_DELETE,
        },
    ),
    "rds/parameterGroup:ParameterGroup": Row(
        first=Call(
            service="rds",
            operation="create_db_parameter_group",
            rename={"name": "DBParameterGroupName", "family": "DBParameterGroupFamily"},
        ),
        then=(
            Call(
                service="rds",
                operation="modify_db_parameter_group",
                take=(ID, "parameters"),
                rename={ID: "DBParameterGroupName", "name": "ParameterName", "value": "ParameterValue"},
            ),
        ),
        id="DBParameterGroup.DBParameterGroupName",
    ),
    "rds/subnetGroup:SubnetGroup": Row(
        first=Call(
            service="rds",
            operation="create_db_subnet_group",
            rename={"name": "DBSubnetGroupName", "description": "DBSubnetGroupDescription"},
        ),
        id="DBSubnetGroup.DBSubnetGroupName",
    ),
    "s3/bucket:Bucket": Row(
        first=Call(
            service="s3",
            operation="create_bucket",
            constants={"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}},
        ),
        then=(
            Call(
                service="s3",
                operation="put_bucket_tagging",
                take=(ID, "tags"),
                shape=lambda b: {
                    "Bucket": b[ID],
                    "Tagging": {"TagSet": [{"Key": k, "Value": v} for k, v in b["tags"].items()]},
                },
            ),
        ),
    ),
    "s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": Row(
        first=Call(service="s3", operation="put_bucket_lifecycle_configuration", shape=_lifecycle)
    ),
    "s3/bucketLogging:BucketLogging": Row(
        first=Call(
            service="s3",
            operation="put_bucket_logging",
            shape=lambda b: {
                "Bucket": b["bucket"],
                "BucketLoggingStatus": {
                    "LoggingEnabled": {"TargetBucket": b["targetBucket"], "TargetPrefix": b["targetPrefix"]}
                },
            },
        )
    ),
    "s3/bucketOwnershipControls:BucketOwnershipControls": Row(
        first=Call(
            service="s3",
            operation="put_bucket_ownership_controls",
            shape=lambda b: {"Bucket": b["bucket"], "OwnershipControls": {"Rules": [b["rule"]]}},
        )
    ),
    "s3/bucketPolicy:BucketPolicy": Row(first=Call(service="s3", operation="put_bucket_policy")),
    "s3/bucketPublicAccessBlock:BucketPublicAccessBlock": Row(
        first=Call(service="s3", operation="put_public_access_block", shape=_s3_block)
    ),
    "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": Row(
        first=Call(service="s3", operation="put_bucket_encryption", shape=_encryption)
    ),
    "s3/bucketVersioning:BucketVersioning": Row(first=Call(service="s3", operation="put_bucket_versioning")),
    "secretsmanager/secret:Secret": Row(
        first=Call(service="secretsmanager", operation="create_secret"),
        id="ARN",
        arn="ARN",
        ignored={"recoveryWindowInDays": _ON_DELETE},
    ),
    "secretsmanager/secretPolicy:SecretPolicy": Row(
        first=Call(
            service="secretsmanager",
            operation="put_resource_policy",
            rename={"secretArn": "SecretId", "policy": "ResourcePolicy"},
        )
    ),
    "sqs/queue:Queue": Row(first=Call(service="sqs", operation="create_queue", shape=_queue), id="QueueUrl"),
    "sqs/queuePolicy:QueuePolicy": Row(
        first=Call(
            service="sqs",
            operation="set_queue_attributes",
            shape=lambda q: {"QueueUrl": q["queueUrl"], "Attributes": {"Policy": q["policy"]}},
        )
    ),
    "vpc/securityGroupEgressRule:SecurityGroupEgressRule": Row(
        first=ec2("authorize_security_group_egress", "security-group-rule", shape=_permission)
    ),
    "vpc/securityGroupIngressRule:SecurityGroupIngressRule": Row(
        first=ec2("authorize_security_group_ingress", "security-group-rule", shape=_permission)
    ),
}

# Types that the API has no call for, and how the test goes about them.
WITHOUT_CALL = {
    "ec2/defaultSecurityGroup:DefaultSecurityGroup": "comes with its VPC: its rules are revoked one by one",
}


def services() -> set[str]:
    """The services that the table calls."""
    calls = itertools.chain.from_iterable(row.calls() for row in TABLE.values())
    return {call.service for call in calls}
