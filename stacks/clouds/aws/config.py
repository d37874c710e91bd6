"""`cluster.kind: aws`: an EKS cluster, and all in AWS that belongs to its environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from components.aws import tags
from stacks.clouds.aws.data_config import (
    Bucket,
    DatabaseConfig,
    LustreConfig,
    Registry,
    SharedFilesConfig,
    TeamResourcesConfig,
    email_faults,
)
from stacks.clouds.aws.login import login
from stacks.clouds.aws.network_config import ApiServer, ExistingNetwork, NewNetwork
from stacks.clouds.aws.pools_config import NodePoolConfig
from stacks.clouds.aws.types import AccountId, KubernetesVersion, Region, RoleArn, TagText
from stacks.clouds.login import CloudLogin
from stacks.clouds.model import ClusterModel
from stacks.clouds.pools import PoolFacts
from stacks.language.faults import Fault, Path
from stacks.language.model import ConfigModel, Many, did_you_mean, rule, shown, unique_names
from stacks.language.types import Email, Group, Name

# Of 64 characters of a role's name, the rest is for "-team-" and the team, or for the longest add-on.
LONGEST_CLUSTER_NAME = 20
LONGEST_ROLE_NAME = 64
LONGEST_BUCKET_NAME = 63

OptionalAddon = Literal[
    "aws-ebs-csi-driver",
    "aws-efs-csi-driver",
    "aws-fsx-csi-driver",
    "aws-mountpoint-s3-csi-driver",
    "metrics-server",
]

# The add-on that mounts storages of a kind.
_MOUNTED_BY = {"efs": "aws-efs-csi-driver", "fsx": "aws-fsx-csi-driver", "s3": "aws-mountpoint-s3-csi-driver"}


class AccessRole(ConfigModel):
    """An IAM role that may use the cluster."""

    name: Name = Field(description="Name of the entry.")
    role: RoleArn = Field(description="ARN of the IAM role.")
    policy: Literal["admin", "view"] | None = Field(
        default=None, description="Administrator of the whole cluster. Default: only the rights of the groups."
    )
    groups: Many[Group] = Field(
        default=(), description="Kubernetes groups, which teams name in `owners`, `developers` and `viewers`."
    )

    @rule("policy", "groups")
    def _may_something(self) -> Iterator[Fault]:
        if self.policy is None and not self.groups:
            message = "without a policy and without groups the role may do nothing; write one of them"
            yield Fault(path=("groups",), message=message)


class EnvironmentBudget(ConfigModel):
    """A monthly budget of the whole environment, with notifications."""

    limit: int = Field(ge=1, le=100_000_000, description="US dollars per month.")
    emails: Many[Email] = Field(description="Email addresses to notify, at most ten.")

    @rule("emails")
    def _emails(self) -> Iterator[Fault]:
        return email_faults(self.emails)


class AwsCluster(ClusterModel):
    """An EKS cluster that the stack creates, with its network, storage, registry and database."""

    kind: Literal["aws"] = Field(description="An EKS cluster that this stack creates.")
    name: Name = Field(description="Name of the cluster, and prefix of the names of its other resources.")
    account: AccountId = Field(description="The only AWS account that the stack may change, in quotes.")
    region: Region = Field(description="AWS region.")
    version: KubernetesVersion = Field(description="Kubernetes version, in quotes.")
    network: Annotated[NewNetwork | ExistingNetwork, Field(discriminator="kind")] = Field(
        description="The VPC: a new one or an existing one."
    )
    api_server: ApiServer = Field(default=ApiServer(), description="How the API server is reached.")
    access: Many[AccessRole] = Field(description="Who may use the cluster.")
    auto_mode: bool = Field(
        default=False, description="EKS Auto Mode: AWS manages nodes, scaling, volumes and load balancers."
    )
    node_pools: Many[NodePoolConfig] = Field(description="Node pools. One has kind `system`, unless `autoMode` is set.")
    addons: Many[OptionalAddon] = Field(
        default=("aws-ebs-csi-driver", "aws-efs-csi-driver", "aws-mountpoint-s3-csi-driver", "metrics-server"),
        description="Managed add-ons besides those that every cluster needs.",
    )
    buckets: Many[Bucket] = Field(default=(), description="S3 buckets.")
    shared_files: SharedFilesConfig | None = Field(default=None, description="EFS file system for the teams.")
    lustre: LustreConfig | None = Field(default=None, description="FSx for Lustre file system linked to a bucket.")
    registry: Registry = Field(default=Registry(), description="ECR repositories.")
    database: DatabaseConfig | None = Field(default=None, description="PostgreSQL database for the tracking server.")
    backup: bool = Field(default=True, description="AWS Backup plan for the resources with `backup`.")
    budget: EnvironmentBudget | None = Field(default=None, description="Budget of the whole environment.")
    team_resources: Many[TeamResourcesConfig] = Field(default=(), description="Images, secrets and budgets of teams.")
    deletion_protection: bool = Field(
        default=True, description="Whether cluster and database are protected from deletion."
    )
    tags: Mapping[TagText, TagText] = Field(default={}, description="Additional tags of every resource.")

    def installs(self) -> Iterator[str]:
        if not self.auto_mode and any(pool.scaler == "karpenter" for pool in self.node_pools):
            yield from ("karpenter", "karpenter-crd")

    _names = unique_names("nodePools", "buckets", "access")

    @rule()
    def _resources_once(self) -> Iterator[Fault]:
        seen: set[str] = set()
        for index, resources in enumerate(self.team_resources):
            if resources.team in seen:
                message = f"{shown(resources.team)} is there twice; make one entry of them"
                yield Fault(path=("teamResources", index, "team"), message=message)
            seen.add(resources.team)

    @rule("access")
    def _somebody_may_use_it(self) -> Iterator[Fault]:
        if not self.access:
            message = "nobody could use the cluster, not even this stack; name the role that deploys it"
            yield Fault(path=("access",), message=message)

    @rule()
    def _tags(self) -> Iterator[Fault]:
        for key in self.tags:
            if key in tags.REQUIRED or key in (tags.TEAM, tags.NODE_POOL, tags.BACKUP):
                yield Fault(path=("tags", key), message="is a tag that the platform sets; choose another key")

    @rule()
    def _name_lengths(self) -> Iterator[Fault]:
        if len(self.name) > LONGEST_CLUSTER_NAME:
            message = (
                f"{shown(self.name)} is too long for the names made of it; "
                f"write at most {LONGEST_CLUSTER_NAME} characters"
            )
            yield Fault(path=("name",), message=message)
        for index, bucket in enumerate(self.buckets):
            if len(self.bucket_name(bucket.name)) > LONGEST_BUCKET_NAME:
                message = (
                    f"the bucket would be called {self.bucket_name(bucket.name)!r}, longer than "
                    f"{LONGEST_BUCKET_NAME} characters; write a shorter name"
                )
                yield Fault(path=("buckets", index, "name"), message=message)

    @rule("region")
    def _zones_of_the_region(self) -> Iterator[Fault]:
        named: list[tuple[Path, str]]
        if isinstance(self.network, NewNetwork):
            named = [(("network", "zones", i), zone) for i, zone in enumerate(self.network.zones)]
        else:
            named = [(("network", "subnets", i, "zone"), s.zone) for i, s in enumerate(self.network.subnets)]
        for path, zone in named:
            if zone[:-1] != self.region:
                message = f"{zone!r} is not in {self.region}; write a zone such as {self.region + 'a'!r}"
                yield Fault(path=path, message=message)

    @rule("network")
    def _zones_of_the_network(self) -> Iterator[Fault]:
        used: list[tuple[Path, str]] = [
            (("nodePools", i, "zones", j), zone)
            for i, pool in enumerate(self.node_pools)
            for j, zone in enumerate(pool.zones)
        ]
        if self.lustre is not None:
            used.append((("lustre", "zone"), self.lustre.zone))
        for path, zone in used:
            if zone not in self.network.zones:
                known = ", ".join(self.network.zones)
                message = f"{zone!r} is not a zone of the network; its zones are {known}"
                yield Fault(path=path, message=message)

    @rule("nodePools", "autoMode")
    def _system_pool(self) -> Iterator[Fault]:
        system = [pool for pool in self.node_pools if pool.kind == "system"]
        if not self.auto_mode and not system:
            message = "no pool of kind system: controllers and DNS have nowhere to run; add one, scaler: managed"
            yield Fault(path=("nodePools",), message=message)

    @rule()
    def _pools_of_auto_mode(self) -> Iterator[Fault]:
        for index, pool in enumerate(self.node_pools if self.auto_mode else ()):
            path = ("nodePools", index)
            if pool.scaler == "managed":
                message = "Auto Mode scales all nodes; remove the pool, or write scaler: karpenter"
                yield Fault(path=(*path, "scaler"), message=message)
            if pool.efa or pool.placement_group or pool.reservation:
                message = "Auto Mode has no EFA, placement groups or reservations; turn autoMode off"
                yield Fault(path=path, message=message)

    @rule("addons")
    def _addons(self) -> Iterator[Fault]:
        for key, addon, wanted in (
            ("sharedFiles", "aws-efs-csi-driver", self.shared_files),
            ("lustre", "aws-fsx-csi-driver", self.lustre),
        ):
            if wanted is not None and addon not in self.addons:
                message = f"pods mount it with the add-on {addon}, which addons leaves out; add it there"
                yield Fault(path=(key,), message=message)

    @rule("buckets[*].name")
    def _bucket_of_lustre(self) -> Iterator[Fault]:
        if self.lustre is not None and self.lustre.bucket not in [bucket.name for bucket in self.buckets]:
            known = [bucket.name for bucket in self.buckets]
            hint = did_you_mean(self.lustre.bucket, known)
            message = (
                f"no bucket {shown(self.lustre.bucket)} under buckets; there are {', '.join(known) or 'none'}{hint}"
            )
            yield Fault(path=("lustre", "bucket"), message=message)

    @property
    def secret_region(self) -> str:
        return self.region

    def bucket_name(self, bucket: str) -> str:
        """The bucket's name at S3, unique in the world by the account's number."""
        return f"{self.name}-{bucket}-{self.account}"

    def resources_of(self, team: str) -> TeamResourcesConfig:
        """What the team has beside the usual; nothing where the config does not say."""
        return next((r for r in self.team_resources if r.team == team), TeamResourcesConfig(team=team))

    # --- what the other sections ask of a cluster (stacks.clouds.model) ---

    def pools(self) -> tuple[PoolFacts, ...]:
        return tuple(
            PoolFacts(
                name=pool.name,
                path=("cluster", "nodePools", index),
                nodes=pool.max,
                gpus=max((kind.gpus for kind in pool.types), default=0),
                least_gpus=min((kind.gpus for kind in pool.types), default=0),
                product=" ".join(f"{kind.name} {kind.gpu_model}" for kind in pool.types),
                instance_types=pool.instance_types,
                team=pool.dedicated_to,
                on_demand=pool.scaler == "karpenter",
            )
            for index, pool in enumerate(self.node_pools)
        )

    @property
    def login(self) -> CloudLogin:
        return login(region=self.region)

    @property
    def verifies_kubelets(self) -> bool:
        return True

    def gpu_driver_problem(self, driver: str) -> str | None:
        if not self.auto_mode or driver == "none":
            return None
        return (
            "nodes of EKS Auto Mode bring the device plugin along, and two of them get in each other's way; "
            "write driver: none"
        )

    @property
    def partitions_gpus(self) -> bool:
        return False

    def makes_file_system(self, kind: str) -> bool:
        return {"efs": self.shared_files, "fsx": self.lustre}.get(kind) is not None

    def how_to_make_file_system(self, kind: str) -> str | None:
        return {"efs": "add cluster.sharedFiles", "fsx": "add cluster.lustre, or write provisioning: dynamic"}.get(kind)

    @property
    def own_buckets(self) -> Sequence[str]:
        return [bucket.name for bucket in self.buckets]

    def mount_problem(self, kind: str) -> str | None:
        addon = _MOUNTED_BY.get(kind)
        if addon is None or addon in self.addons:
            return None
        return f"{kind} is mounted by the add-on {addon}, which cluster.addons leaves out; add it there"

    @property
    def brings_no_nfs(self) -> str | None:
        return "EKS"
