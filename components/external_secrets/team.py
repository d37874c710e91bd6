"""Secrets of a team that External Secrets makes of entries of a secret store. No value passes through Pulumi."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as k8s

from components.external_secrets.operator import API_VERSION
from components.external_secrets.rotation import service as rotation
from components.labels import Owner, object_labels

if TYPE_CHECKING:
    from pulumi_kubernetes.meta import v1 as meta
    from pulumi_kubernetes.rbac import v1 as rbac

COMPONENT = "secrets"
# An entry that is missing, or a right, is told after this long; External Secrets tries again all the time.
PATIENCE = "3m"
# What the API server would fill in. The list that they are in is one value to it: left out, a refresh would find the
# whole list changed.
DEFAULTS = {"conversionStrategy": "Default", "decodingStrategy": "None", "metadataPolicy": "None"}


@dataclass(frozen=True, kw_only=True)
class EntryKey:
    """Where a value is: an entry, a property of the JSON in it, a stage of it."""

    entry: str
    property: str | None = None
    version: str | None = None


@dataclass(frozen=True, kw_only=True)
class SyncedSecret:
    """A Secret of entries, read again every `refresh_seconds`."""

    name: str
    keys: Mapping[str, EntryKey]
    refresh_seconds: int


@dataclass(frozen=True, kw_only=True)
class SecretStore:
    """A secret store, and whose identity reads it: the team's, never the controller's own.

    `provider` is that of a SecretStore's spec. `access_key`: what it refers to in a Secret of the same name, by key.
    """

    name: str
    provider: Mapping[str, Any]
    access_key: Mapping[str, pulumi.Input[str]] | None = None


@dataclass(frozen=True, kw_only=True)
class TeamExternalSecretsArgs:
    """The Secrets of a team from a store. `after`: External Secrets itself."""

    owner: Owner
    namespace: pulumi.Input[str]
    store: SecretStore
    secrets: Sequence[SyncedSecret]
    after: Sequence[pulumi.Resource] = ()


def secret_spec(args: TeamExternalSecretsArgs, secret: SyncedSecret) -> dict[str, Any]:
    """The spec of an ExternalSecret. The Secret is its own: it goes with it, but not with an entry that is gone."""

    def source(key: EntryKey) -> dict[str, str]:
        said = {"key": key.entry, "property": key.property, "version": key.version}
        return {**DEFAULTS, **{name: value for name, value in said.items() if value is not None}}

    return {
        "refreshInterval": f"{secret.refresh_seconds}s",
        "secretStoreRef": {"kind": "SecretStore", "name": args.store.name},
        "target": {
            "name": secret.name,
            "creationPolicy": "Owner",
            "deletionPolicy": "Retain",
            # Without a template the Secret would get the annotations of the ExternalSecret too.
            "template": {
                "metadata": {"labels": object_labels(args.owner, name=secret.name, component=COMPONENT)},
            },
        },
        "data": [{"secretKey": name, "remoteRef": source(secret.keys[name])} for name in sorted(secret.keys)],
    }


def rotation_rules(secrets: Sequence[str]) -> list[rbac.PolicyRuleArgsDict]:
    """What rolling servers needs in a namespace: these Secrets by their names, and the Deployments."""
    return [
        {"api_groups": [""], "resources": ["secrets"], "resource_names": list(secrets), "verbs": ["get"]},
        {"api_groups": ["apps"], "resources": ["deployments"], "verbs": ["list", "patch"]},
    ]


class TeamExternalSecrets(pulumi.ComponentResource):
    """Secrets of a team as their entries in the secret store are, read by an identity that is the team's alone.

    `namespace` is known when all Secrets are there.
    """

    namespace: pulumi.Output[str]

    def __init__(self, name: str, args: TeamExternalSecretsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:tenancy:TeamExternalSecrets", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)

        def metadata(object_name: str, *, awaited: bool = False) -> meta.ObjectMetaArgsDict:
            labels = object_labels(args.owner, name=object_name, component=COMPONENT)
            found: meta.ObjectMetaArgsDict = {"name": object_name, "namespace": args.namespace, "labels": labels}
            if awaited:
                found["annotations"] = {"pulumi.com/waitFor": "condition=Ready"}
            return found

        before = list(args.after)
        if args.store.access_key is not None:
            before.append(
                k8s.core.v1.Secret(
                    f"{name}-access-key",
                    metadata=metadata(args.store.name),
                    # As text, which Pulumi's log leaves out; it would not know an encoding of the values.
                    string_data=args.store.access_key,
                    opts=child,
                )
            )
        waiting = pulumi.CustomTimeouts(create=PATIENCE, update=PATIENCE)
        store = k8s.apiextensions.CustomResource(
            f"{name}-store",
            api_version=API_VERSION,
            kind="SecretStore",
            metadata=metadata(args.store.name, awaited=True),
            spec={"provider": args.store.provider},
            opts=pulumi.ResourceOptions(parent=self, depends_on=before, custom_timeouts=waiting),
        )
        made = [
            k8s.apiextensions.CustomResource(
                f"{name}-{secret.name}",
                api_version=API_VERSION,
                kind="ExternalSecret",
                metadata=metadata(secret.name, awaited=True),
                spec=secret_spec(args, secret),
                opts=pulumi.ResourceOptions(parent=self, depends_on=[*before, store], custom_timeouts=waiting),
            )
            for secret in args.secrets
        ]
        role = k8s.rbac.v1.Role(
            f"{name}-rotation",
            metadata=metadata(rotation.NAME),
            rules=rotation_rules([secret.name for secret in args.secrets]),
            opts=child,
        )
        k8s.rbac.v1.RoleBinding(
            f"{name}-rotation-binding",
            metadata=metadata(rotation.NAME),
            role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "Role", "name": role.metadata.name},
            subjects=[{"kind": "ServiceAccount", "name": rotation.NAME, "namespace": rotation.NAMESPACE}],
            opts=child,
        )
        self.namespace = pulumi.Output.all(args.namespace, *(each.urn for each in made)).apply(
            lambda known: str(known[0])
        )
        self.register_outputs({"namespace": self.namespace})
