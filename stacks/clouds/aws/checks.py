"""The rules between what AWS has and the other sections of an environment. Nothing is at fault on other clusters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from components.aws.names import secret_name
from stacks.clouds.aws.config import LONGEST_ROLE_NAME, AwsCluster
from stacks.clouds.aws.kinds.secrets import AccessKeyConfig, AwsSecret, AwsTeamKeys, SecretsManager
from stacks.clouds.model import ClusterModel
from stacks.language.faults import Fault
from stacks.language.model import ConfigModel, did_you_mean, shown


class Named(Protocol):
    """A team, as far as its name."""

    @property
    def name(self) -> str: ...


def resource_faults(cluster: ClusterModel, teams: Sequence[Named]) -> Iterator[Fault]:
    """Resources of teams that do not exist."""
    known = [team.name for team in teams]
    for index, resources in enumerate(cluster.team_resources if isinstance(cluster, AwsCluster) else ()):
        if resources.team not in known:
            hint = did_you_mean(resources.team, known)
            message = f"no team {shown(resources.team)} under teams; there are {', '.join(known) or 'none'}{hint}"
            yield Fault(path=("cluster", "teamResources", index, "team"), message=message)


def role_faults(cluster: ClusterModel, name: str) -> Iterator[Fault]:
    """A team whose name is too long for its role. name: that of the team."""
    if isinstance(cluster, AwsCluster) and len(name) > (longest := LONGEST_ROLE_NAME - len(f"{cluster.name}-team-")):
        message = f"{shown(name)} is too long for an IAM role's name; write at most {longest} characters"
        yield Fault(path=("name",), message=message)


def credentials_faults(cluster: ClusterModel, credentials: AccessKeyConfig | None) -> Iterator[Fault]:
    """Access keys where each team has a role."""
    if isinstance(cluster, AwsCluster) and credentials:
        message = "is for clusters that are not on AWS; here each team has a role of its own, so remove the key"
        yield Fault(path=("credentials",), message=message)


def region_faults(cluster: ClusterModel, region: str | None) -> Iterator[Fault]:
    """Entries in a region where the roles of the teams read nothing."""
    if isinstance(cluster, AwsCluster) and region not in (None, cluster.region):
        message = f"{shown(region)} is not {cluster.region}, where the teams' roles may read; remove the key"
        yield Fault(path=("region",), message=message)


def entry_faults(
    cluster: ClusterModel, section: ConfigModel | None, name: str, secrets: Sequence[ConfigModel]
) -> Iterator[Fault]:
    """Entries that are not the team's own. section: `externalSecrets`. name and secrets: the team's."""
    if not isinstance(cluster, AwsCluster) or section is None:
        return
    own = secret_name(cluster.name, name, "")
    for place, secret in enumerate(secrets):
        for key, source in secret.keys.items() if isinstance(secret, AwsSecret) else ():
            if not source.entry.startswith(own):
                message = (
                    f"{shown(source.entry)} is not the team's, whose role reads only what is below {own}; "
                    f"write {own}<name>"
                )
                yield Fault(path=("secrets", place, "keys", key, "entry"), message=message)


def absence_faults(section: SecretsManager | None, credentials: AccessKeyConfig | None) -> Iterator[Fault]:
    """The access key of a team without External Secrets, which would read with it."""
    if section is None and credentials:
        message = "is for External Secrets, which nobody installs here; write externalSecrets: beside teams:"
        yield Fault(path=("credentials",), message=message)


def endpoint_faults(endpoint: str | None, kind: str) -> Iterator[Fault]:
    """Values that would be sent in clear. kind: that of the cluster."""
    if endpoint and endpoint.startswith("http://") and kind != "local":
        yield Fault(path=("endpoint",), message="would send the values in clear; write an address with https://")


def store_faults(section: SecretsManager | None, cluster: ClusterModel) -> Iterator[Fault]:
    """Entries of an unknown region."""
    if section is not None and section.region is None and cluster.secret_region is None:
        message = "is not known of a cluster that is not on AWS; write one such as eu-west-1"
        yield Fault(path=("section", "region"), message=message)


def key_faults(
    section: SecretsManager | None, team: AwsTeamKeys, secrets: Sequence[ConfigModel], cluster: ClusterModel
) -> Iterator[Fault]:
    """A team without an access key where it has no role. secrets: the team's."""
    if section is None or cluster.secret_region is not None or section.credentials or team.aws_credentials:
        return
    if any(isinstance(secret, AwsSecret) for secret in secrets):
        message = "has no access key for its entries; write awsCredentials: here, or externalSecrets.credentials"
        yield Fault(path=("team",), message=message)
