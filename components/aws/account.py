"""Which AWS account and region, and the ARNs that follow from names in it."""

from __future__ import annotations

import dataclasses

PARTITION = "aws"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Account:
    """An account in a region. ARNs are computed, not looked up, so that policies are known in a preview."""

    id: str
    region: str

    @property
    def root_arn(self) -> str:
        """The account itself as a principal: whoever its IAM policies allow."""
        return f"arn:{PARTITION}:iam::{self.id}:root"

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a regional resource of this account."""
        return f"arn:{PARTITION}:{service}:{self.region}:{self.id}:{resource}"

    def iam(self, resource: str) -> str:
        """The ARN of an IAM resource, such as `role/name`."""
        return f"arn:{PARTITION}:iam::{self.id}:{resource}"

    def bucket(self, name: str) -> str:
        """The ARN of an S3 bucket."""
        return f"arn:{PARTITION}:s3:::{name}"

    def log_group(self, name: str) -> str:
        """The ARN of a CloudWatch log group."""
        return self.arn("logs", f"log-group:{name}")


def managed_policy(name: str) -> str:
    """The ARN of a policy that AWS maintains, such as `AmazonEKSClusterPolicy`."""
    return f"arn:{PARTITION}:iam::aws:policy/{name}"
