"""The rules between what AWS has and the other sections of an environment. Nothing is at fault on other clusters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from components.aws.names import secret_name
from stacks.clouds.aws.config import LONGEST_ROLE_NAME, AwsCluster
from stacks.clouds.model import ClusterModel
from stacks.language.faults import Fault
from stacks.language.model import ConfigModel, did_you_mean, shown
from stacks.teams.config import TeamConfig
from stacks.teams.secrets import AwsSecret, Credentials


def resource_faults(cluster: ClusterModel, teams: Sequence[TeamConfig]) -> Iterator[Fault]:
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


def credentials_faults(cluster: ClusterModel, credentials: Credentials | None) -> Iterator[Fault]:
    """Access keys where each team has a role."""
    if isinstance(cluster, AwsCluster) and credentials:
        message = "is for clusters that are not on AWS; here each team has a role of its own, so remove the key"
        yield Fault(path=("credentials",), message=message)


def region_faults(cluster: ClusterModel, region: str | None) -> Iterator[Fault]:
    """Entries in a region where the roles of the teams read nothing."""
    if isinstance(cluster, AwsCluster) and region not in (None, cluster.region):
        message = f"{shown(region)} is not {cluster.region}, where the teams' roles may read; remove the key"
        yield Fault(path=("region",), message=message)


def entry_faults(cluster: ClusterModel, section: ConfigModel | None, team: TeamConfig) -> Iterator[Fault]:
    """Entries that are not the team's own. section: `externalSecrets`."""
    if not isinstance(cluster, AwsCluster) or section is None:
        return
    own = secret_name(cluster.name, team.name, "")
    for place, secret in enumerate(team.secrets):
        for key, source in secret.keys.items() if isinstance(secret, AwsSecret) else ():
            if not source.entry.startswith(own):
                message = (
                    f"{shown(source.entry)} is not the team's, whose role reads only what is below {own}; "
                    f"write {own}<name>"
                )
                yield Fault(path=("team", "secrets", place, "keys", key, "entry"), message=message)
