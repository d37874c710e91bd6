"""`cluster.kind: aws` of a team stack: the environment's EKS cluster."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stacks.clouds.aws.login import login
from stacks.clouds.login import CloudLogin
from stacks.clouds.model import ClusterModel


class AwsReference(ClusterModel):
    """The EKS cluster of the environment, with the kubeconfig and the team's role from its outputs."""

    kind: Literal["aws"] = Field(default="aws", description="EKS cluster in the outputs of the environment.")

    @property
    def login(self) -> CloudLogin:
        return login(region=None)
