"""AWS Secrets Manager as a secret store of External Secrets.

https://external-secrets.io/latest/provider/aws-secrets-manager/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from components.external_secrets.team import SecretStore

KEY_ID, KEY = "accessKeyId", "secretAccessKey"


@dataclass(frozen=True, kw_only=True)
class AccessKey:
    """A key of AWS, where the team has no role."""

    id: pulumi.Input[str]
    secret: pulumi.Input[str]


def secret_store(
    name: str, region: str, *, role: pulumi.Input[str] | None = None, access_key: AccessKey | None = None
) -> SecretStore:
    """The store of a team's entries, read with the ARN of a role that External Secrets takes on, or an access key."""
    if (role is None) == (access_key is None):
        raise ValueError(f"{name}: entries are read with a role or an access key, one of them")
    service = {"service": "SecretsManager", "region": region}
    if access_key is None:
        return SecretStore(name=name, provider={"aws": {**service, "role": role}})
    keys = {
        "accessKeyIDSecretRef": {"name": name, "key": KEY_ID},
        "secretAccessKeySecretRef": {"name": name, "key": KEY},
    }
    return SecretStore(
        name=name,
        provider={"aws": {**service, "auth": {"secretRef": keys}}},
        access_key={KEY_ID: access_key.id, KEY: access_key.secret},
    )


def controller_environment(endpoint: str | None) -> Mapping[str, str]:
    """The variables of External Secrets, for an address of Secrets Manager that is not AWS's own.

    A SecretStore has no field for it.
    """
    return {"AWS_SECRETSMANAGER_ENDPOINT": endpoint} if endpoint else {}
