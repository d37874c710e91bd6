"""What clouds add to general sections: kinds of storage and of secrets, and keys of teams and of the secret store.

The general models take these from here, so that they name no cloud. Another cloud's are one more member each.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Tag

from stacks.clouds.aws.kinds.secrets import AwsSecret, AwsTeamKeys, SecretsManager
from stacks.clouds.aws.kinds.storage import EfsStorage, FsxStorage

# Kinds of `storage:`.
CloudStorage = EfsStorage | FsxStorage
# Kinds of a team's `secrets:`.
CloudSecret = Annotated[AwsSecret, Tag("aws")]


class TeamKeys(AwsTeamKeys):
    """The keys that clouds add to a team."""


class SecretStoreKeys(SecretsManager):
    """The keys of `externalSecrets:` that say where the secret store is, and who reads it."""
