"""The rules between the `externalSecrets:` section, the kind of the cluster and the Secrets of teams."""

from __future__ import annotations

from collections.abc import Iterator

from stacks.clouds.model import ClusterModel
from stacks.external_secrets.config import ExternalSecretsConfig, aws_secrets, credentials_of
from stacks.language.faults import Fault
from stacks.teams.config import TeamConfig
from stacks.teams.secrets import AwsSecret


def section_faults(section: ExternalSecretsConfig | None, team: TeamConfig) -> Iterator[Fault]:
    """Secrets that nobody makes."""
    if section is not None:
        return
    for place, secret in enumerate(team.secrets):
        if isinstance(secret, AwsSecret):
            message = "needs External Secrets, which nobody installs here; write externalSecrets: beside teams:"
            yield Fault(path=("team", "secrets", place, "kind"), message=message)
    if team.aws_credentials:
        message = "is for External Secrets, which nobody installs here; write externalSecrets: beside teams:"
        yield Fault(path=("team", "awsCredentials"), message=message)


def endpoint_faults(endpoint: str | None, kind: str) -> Iterator[Fault]:
    """Values that would be sent in clear. kind: that of the cluster."""
    if endpoint and endpoint.startswith("http://") and kind != "local":
        yield Fault(path=("endpoint",), message="would send the values in clear; write an address with https://")


def region_faults(section: ExternalSecretsConfig | None, cluster: ClusterModel) -> Iterator[Fault]:
    """Entries of an unknown region."""
    if section is not None and section.region is None and cluster.secret_region is None:
        message = "is not known of a cluster that is not on AWS; write one such as eu-west-1"
        yield Fault(path=("section", "region"), message=message)


def key_faults(section: ExternalSecretsConfig | None, team: TeamConfig, cluster: ClusterModel) -> Iterator[Fault]:
    """A team without an access key where it has no role."""
    if section is None or cluster.secret_region is not None:
        return
    if aws_secrets(team) and credentials_of(section, team) is None:
        message = "has no access key for its entries; write awsCredentials: here, or externalSecrets.credentials"
        yield Fault(path=("team",), message=message)
