"""Secrets of a team, with values that Pulumi keeps encrypted in its config and state."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as k8s

from components.labels import Owner, object_labels

if TYPE_CHECKING:
    from pulumi_kubernetes.meta import v1 as meta

COMPONENT = "secrets"
# One for the team, whatever registries it has.
IMAGE_PULL_SECRET = "image-pull"  # noqa: S105  the name of a Secret


@dataclass(frozen=True, kw_only=True)
class RegistryLogin:
    """Who pulls images from a registry, such as `ghcr.io`."""

    registry: str
    username: str
    password: pulumi.Output[str]


@dataclass(frozen=True, kw_only=True)
class TeamSecretsArgs:
    """`secrets` are values by key by the name of the Secret, `logins` the registries that the team pulls from."""

    owner: Owner
    namespace: pulumi.Input[str]
    secrets: Mapping[str, Mapping[str, pulumi.Output[str]]] = field(
        default_factory=dict[str, Mapping[str, pulumi.Output[str]]]
    )
    logins: Sequence[RegistryLogin] = ()


class TeamSecrets(pulumi.ComponentResource):
    """Kubernetes Secrets of a team. A new value comes in place, and with it another version.

    `versions`, by the name of the Secret, say nothing of the value: they are the API server's own counter. A hash of
    a value would tell a short password to everybody who may read the pod that carries it. `namespace` is known when
    all Secrets are there.
    """

    versions: dict[str, pulumi.Output[str]]
    namespace: pulumi.Output[str]

    def __init__(self, name: str, args: TeamSecretsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:tenancy:TeamSecrets", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)

        def metadata(secret: str) -> meta.ObjectMetaArgsDict:
            labels = object_labels(args.owner, name=secret, component=COMPONENT)
            return {"name": secret, "namespace": args.namespace, "labels": labels}

        made = {
            secret: k8s.core.v1.Secret(
                f"{name}-{secret}",
                metadata=metadata(secret),
                # As text: Pulumi strikes the values of its config out of its own log, but knows no encoding of them.
                string_data=dict(values),
                opts=child,
            )
            for secret, values in args.secrets.items()
        }
        if args.logins:
            made[IMAGE_PULL_SECRET] = k8s.core.v1.Secret(
                f"{name}-{IMAGE_PULL_SECRET}",
                metadata=metadata(IMAGE_PULL_SECRET),
                type="kubernetes.io/dockerconfigjson",
                string_data={".dockerconfigjson": docker_config(args.logins)},
                opts=child,
            )
        self.versions = {
            # What is about the object is no secret, but what comes of a secret counts as one.
            secret: pulumi.Output.unsecret(found.metadata.resource_version.apply(str))
            for secret, found in made.items()
        }
        self.namespace = pulumi.Output.all(args.namespace, *self.versions.values()).apply(lambda known: str(known[0]))
        self.register_outputs({"namespace": self.namespace})


def docker_config(logins: Sequence[RegistryLogin]) -> pulumi.Output[str]:
    """The `config.json` of a container client that is logged in, without `auth`, which says the same encoded."""

    def document(passwords: Sequence[str]) -> str:
        auths = {
            login.registry: {"username": login.username, "password": password}
            for login, password in zip(logins, passwords, strict=True)
        }
        return json.dumps({"auths": auths}, sort_keys=True)

    return pulumi.Output.all(*(login.password for login in logins)).apply(document)
