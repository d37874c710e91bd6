"""The EKS cluster of a team stack: the environment's outputs say how to reach it, and who its workloads are."""

from __future__ import annotations

from typing import Any

from components.aws.identity import WorkloadIdentities, WorkloadIdentitiesArgs
from components.cluster import Cluster, ClusterArgs
from stacks.clouds.interface import EnvironmentReference


def build(reference: EnvironmentReference) -> Cluster:
    """The cluster, and the team's role for the service accounts of its workloads."""
    aws, team = reference.output("aws"), reference.team

    def of_aws(key: str) -> Any:
        return aws.apply(lambda known: known[key])

    cluster = Cluster(
        "cluster",
        ClusterArgs(
            # An environment has one cluster: its stack's name is the cluster's identity here.
            identifier=reference.environment,
            kind="reference",
            server=reference.output("cluster").apply(lambda known: known["server"]),
            kubeconfig=of_aws("kubeconfig"),
        ),
    )
    WorkloadIdentities(
        f"aws-{team}",
        WorkloadIdentitiesArgs(
            cluster=of_aws("cluster"),
            account=of_aws("account"),
            region=of_aws("region"),
            environment=reference.environment.rpartition("/")[2],
            team=team,
            namespace=reference.namespace,
            role_arn=aws.apply(lambda known: known["teams"][team]["role"]),
            service_accounts=reference.service_accounts,
        ),
    )
    return cluster
