"""What everything else of an AWS environment stands on: the account, the keys, the network."""

from __future__ import annotations

import pulumi
import pulumi_aws
from pulumi_aws import ec2

from components import catalog
from components.aws import policies, tags
from components.aws.account import Account
from components.aws.keys import EncryptionKey, EncryptionKeyArgs
from components.aws.network import Network, NetworkArgs, Vpc
from stacks.clouds.aws.config import AwsCluster
from stacks.clouds.aws.network_config import ExistingNetwork, NewNetwork


class Foundation:
    """Provider, tags, keys and VPC of an environment, for all that is built on them.

    tags: those that every resource gets from the provider, for what AWS makes on our behalf.
    """

    vpc: Vpc

    def __init__(self, config: AwsCluster, stack: str) -> None:
        self.config, self.stack = config, stack
        self.account = Account(id=config.account, region=config.region)
        self.catalog = catalog.load()
        self.tags = tags.defaults(stack, dict(config.tags))
        self.provider = pulumi_aws.Provider(
            "aws",
            region=config.region,
            # Credentials of another account are refused before anything is done.
            allowed_account_ids=[config.account],
            default_tags={"tags": self.tags},
        )
        self.opts = pulumi.ResourceOptions(provider=self.provider)
        self.secrets_key = self._key("secrets", f"Kubernetes secrets of {config.name}")
        self.data_key = self._key("data", f"Buckets, volumes and databases of {config.name}")
        self.log_key = self._key(
            "logs",
            f"Logs of {config.name}",
            policies.logs_may_use_key(config.region, self.account.arn("logs", "log-group:*")),
        )
        self.vpc = self._network()

    def _key(self, purpose: str, description: str, *statements: policies.Statement) -> pulumi.Output[str]:
        args = EncryptionKeyArgs(
            alias=f"{self.config.name}/{purpose}",
            description=description,
            policy=policies.key_policy(self.account.root_arn, *statements),
        )
        return EncryptionKey(f"key-{purpose}", args, self.opts).arn

    def _network(self) -> Vpc:
        match self.config.network:
            case NewNetwork() as network:
                args = NetworkArgs(
                    account=self.account,
                    cluster=self.config.name,
                    cidr=network.cidr,
                    zones=network.zones,
                    nat=network.nat,
                    endpoints=network.endpoints,
                    flow_log_days=network.flow_log_days,
                    log_key_arn=self.log_key,
                )
                return Network("network", args, self.opts).vpc
            case ExistingNetwork() as network:
                return self._existing_vpc(network)

    def _existing_vpc(self, network: ExistingNetwork) -> Vpc:
        for zone in network.subnets:
            ec2.Tag(
                f"network-{zone.zone}-discovery",
                resource_id=zone.private,
                key=tags.DISCOVERY,
                value=self.config.name,
                opts=self.opts,
            )
        return Vpc(
            id=network.vpc,
            cidr=network.cidr,
            private={zone.zone: zone.private for zone in network.subnets},
            public={zone.zone: zone.public for zone in network.subnets if zone.public},
            intra={zone.zone: zone.intra for zone in network.subnets},
        )
