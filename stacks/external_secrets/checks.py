"""The rules between the `externalSecrets:` section and the Secrets of teams."""

from __future__ import annotations

from collections.abc import Iterator

from stacks.clouds.secrets import StoreSecret
from stacks.external_secrets.config import ExternalSecretsConfig
from stacks.language.faults import Fault
from stacks.teams.config import TeamConfig


def section_faults(section: ExternalSecretsConfig | None, team: TeamConfig) -> Iterator[Fault]:
    """Secrets that nobody makes."""
    if section is not None:
        return
    for place, secret in enumerate(team.secrets):
        if isinstance(secret, StoreSecret):
            message = "needs External Secrets, which nobody installs here; write externalSecrets: beside teams:"
            yield Fault(path=("team", "secrets", place, "kind"), message=message)
