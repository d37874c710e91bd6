"""ECR: one repository for each image, and a cache of the public registries that charts pull from."""

from __future__ import annotations

import dataclasses
import json

import pulumi
from pulumi_aws import ecr, iam

from components.aws import policies, tags
from components.aws.account import Account

# Registries that ECR can cache without credentials. Docker Hub and ghcr.io need an account's.
UPSTREAMS = {"ecr-public": "public.ecr.aws", "k8s": "registry.k8s.io", "quay": "quay.io"}


def lifecycle(keep_tagged: int, untagged_days: int) -> str:
    """An ECR lifecycle policy: the newest tagged images stay, untagged ones go after some days."""
    return json.dumps(
        {
            "rules": [
                {
                    "rulePriority": 1,
                    "description": f"Untagged images go after {untagged_days} days",
                    "selection": {
                        "tagStatus": "untagged",
                        "countType": "sinceImagePushed",
                        "countUnit": "days",
                        "countNumber": untagged_days,
                    },
                    "action": {"type": "expire"},
                },
                {
                    "rulePriority": 2,
                    "description": f"The newest {keep_tagged} images stay",
                    "selection": {
                        "tagStatus": "any",
                        "countType": "imageCountMoreThan",
                        "countNumber": keep_tagged,
                    },
                    "action": {"type": "expire"},
                },
            ]
        },
        sort_keys=True,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageRepositoryArgs:
    """repository: path within the account's registry. team: whose it is, or None for the platform's."""

    repository: str
    key_arn: pulumi.Input[str]
    team: str | None = None
    keep_images: int = 100


class ImageRepository(pulumi.ComponentResource):
    """A repository whose tags never move and whose images are scanned when they are pushed."""

    url: pulumi.Output[str]

    def __init__(self, name: str, args: ImageRepositoryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:aws:ImageRepository", name, None, opts)
        repository = ecr.Repository(
            f"{name}-repository",
            name=args.repository,
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration={"scan_on_push": True},
            encryption_configurations=[{"encryption_type": "KMS", "kms_key": args.key_arn}],
            tags={"Name": args.repository, **(tags.of_team(args.team) if args.team else {})},
            # A model in production runs from an image here, whatever became of the stack.
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True, protect=True),
        )
        ecr.LifecyclePolicy(
            f"{name}-lifecycle",
            repository=repository.name,
            policy=lifecycle(args.keep_images, 14),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.url = repository.repository_url
        self.register_outputs({"url": self.url})


@dataclasses.dataclass(frozen=True, kw_only=True)
class PullThroughCacheArgs:
    """prefix: first part of the cached repositories' names. resource_tags: tags of the repositories that ECR
    makes, which the provider's default tags do not reach.
    """

    account: Account
    prefix: str
    key_arn: pulumi.Input[str]
    resource_tags: dict[str, str]
    upstreams: dict[str, str] = dataclasses.field(default_factory=lambda: dict(UPSTREAMS))


class PullThroughCache(pulumi.ComponentResource):
    """Public images, pulled through ECR: in the VPC, scanned, and there when the public registry is not."""

    def __init__(self, name: str, args: PullThroughCacheArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:aws:PullThroughCache", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        template = ecr.RepositoryCreationTemplate(
            f"{name}-template",
            prefix=args.prefix,
            description="Repositories of cached public images",
            applied_fors=["PULL_THROUGH_CACHE"],
            # The cache follows its upstream, where a tag may move.
            image_tag_mutability="MUTABLE",
            encryption_configurations=[{"encryption_type": "KMS", "kms_key": args.key_arn}],
            lifecycle_policy=lifecycle(50, 14),
            # KMS and tags are set in the name of this role, when the first pull makes a repository.
            custom_role_arn=self._template_role(name, args).arn,
            resource_tags=args.resource_tags,
            opts=child,
        )
        for upstream, url in args.upstreams.items():
            ecr.PullThroughCacheRule(
                f"{name}-{upstream}",
                ecr_repository_prefix=f"{args.prefix}/{upstream}",
                upstream_registry_url=url,
                # A repository that is made before the template is there has no key of ours.
                opts=pulumi.ResourceOptions(parent=self, depends_on=[template]),
            )
        self.register_outputs({})

    def _template_role(self, name: str, args: PullThroughCacheArgs) -> iam.Role:
        child = pulumi.ResourceOptions(parent=self)
        role = iam.Role(
            f"{name}-role",
            name=f"{args.prefix}-ecr-cache",
            description="ECR, when it makes a repository for a cached image",
            assume_role_policy=policies.to_json(policies.service_trust("ecr.amazonaws.com", args.account.id)),
            opts=child,
        )
        iam.RolePolicy(
            f"{name}-policy",
            name="permissions",
            role=role.name,
            policy=policies.to_json(
                policies.document(
                    policies.Statement(
                        sid="MakeCachedRepositories",
                        actions=("ecr:CreateRepository", "ecr:TagResource"),
                        resources=(args.account.arn("ecr", f"repository/{args.prefix}/*"),),
                    ),
                    policies.Statement(
                        sid="EncryptThem",
                        actions=("kms:CreateGrant", "kms:DescribeKey", "kms:RetireGrant"),
                        resources=(args.key_arn,),
                    ),
                )
            ),
            opts=child,
        )
        return role
