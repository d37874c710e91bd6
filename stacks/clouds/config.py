"""Which cluster a stack stands on: a model for each kind, in the folder of that kind."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from stacks.clouds.aws.config import AwsCluster
from stacks.clouds.aws.reference import AwsReference
from stacks.clouds.existing.config import ExistingCluster
from stacks.clouds.local.config import LocalCluster

__all__ = ["BY_OUTPUTS", "AwsCluster", "AwsReference", "Cluster", "ExistingCluster", "LocalCluster", "TeamCluster"]

# Another kind of cluster is one more folder, and one more member here.
Cluster = Annotated[LocalCluster | ExistingCluster | AwsCluster, Field(discriminator="kind")]

# The same for a team stack, on the cluster of an environment that another stack made: by the outputs of that stack, or
# by a kubeconfig of the team's own.
TeamCluster = Annotated[AwsReference | ExistingCluster, Field(discriminator="kind")]
BY_OUTPUTS = AwsReference()
