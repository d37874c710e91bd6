"""Types of AWS resources that matter to a reviewer."""

from __future__ import annotations

from policy.rules.aws.data import STATEFUL

# Deleting one deletes data, unless a second copy is kept.
DATA = frozenset(
    {
        *STATEFUL,
        "aws:dynamodb/table:Table",
        "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation",
        "aws:secretsmanager/secret:Secret",
        "aws:cloudwatch/logGroup:LogGroup",
    }
)
# Deleting one takes the machines or the network away from everything else.
FOUNDATION = frozenset(
    {
        "aws:ec2/vpc:Vpc",
        "aws:ec2/subnet:Subnet",
        "aws:eks/cluster:Cluster",
        "aws:eks/nodeGroup:NodeGroup",
    }
)
