"""External Secrets: makes Secrets of entries of a secret store, and keeps them as the entries are.

It has no right to any entry. A team's SecretStore (`components.external_secrets.team`) says whose identity reads.
https://external-secrets.io/latest/api/secretstore/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi

from components import catalog, namespaces
from components.platform.connection import Connection
from components.platform.definitions import Definitions, DefinitionsArgs
from components.platform.operator import Operator, OperatorArgs
from components.platform.sources import Sources
from components.pods import USER

# Name of the controller's service account too, whose identity in a cloud is for it alone.
CHART = "external-secrets"
DEFINITIONS = "external-secrets-crds"
NAMESPACE = namespaces.EXTERNAL_SECRETS
GROUP = "external-secrets.io"
API_VERSION = f"{GROUP}/v1"


@dataclass(frozen=True, kw_only=True)
class ExternalSecretsArgs:
    """`environment`: variables of the controller, such as another address of a secret store."""

    sources: Sources
    connection: Connection
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


def chart_values(sources: Sources, environment: Mapping[str, str]) -> dict[str, Any]:
    """Values of the chart: SecretStores and ExternalSecrets of namespaces, and nothing else that it could do.

    What is of the whole cluster would let one object read for every team, and what pushes would write entries.
    """
    repository, _, tag = catalog.load().chart(CHART).image(CHART).rpartition(":")
    image = {"repository": sources.mirrored(repository), "tag": tag, "pullPolicy": "IfNotPresent"}

    def pod(memory: str) -> dict[str, Any]:
        return {
            "image": image,
            "replicaCount": 1,
            "resources": {"requests": {"cpu": "20m", "memory": memory}, "limits": {"cpu": "500m", "memory": "256Mi"}},
            "securityContext": {
                "enabled": True,
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
                "runAsNonRoot": True,
                "runAsUser": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
        }

    values = {
        **pod("96Mi"),
        "fullnameOverride": CHART,
        "installCRDs": False,
        "crds": {
            "createClusterExternalSecret": False,
            "createClusterGenerator": False,
            "createClusterPushSecret": False,
            # Told so, the controller of certificates looks after the two kinds that are used, and no others.
            "createClusterSecretStore": False,
            "createPushSecret": False,
        },
        "processClusterExternalSecret": False,
        "processClusterGenerator": False,
        "processClusterPushSecret": False,
        "processClusterStore": False,
        "processPushSecret": False,
        # Whoever may view or edit a namespace would get these kinds as well.
        "rbac": {"aggregateToView": False, "aggregateToEdit": False, "servicebindings": {"create": False}},
        "webhook": pod("64Mi"),
        "certController": pod("96Mi"),
    }
    if environment:
        values["extraEnv"] = [{"name": name, "value": value} for name, value in environment.items()]
    return values


class ExternalSecrets(pulumi.ComponentResource):
    """External Secrets that is ready, with the kinds that it serves."""

    # What a team's store depends on.
    ready: list[pulumi.Resource]

    def __init__(self, name: str, args: ExternalSecretsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:platform:ExternalSecrets", name, None, opts)
        definitions = Definitions(
            f"{name}-definitions",
            DefinitionsArgs(manifest=DEFINITIONS, sources=args.sources, connection=args.connection),
            pulumi.ResourceOptions(parent=self),
        )
        operator = Operator(
            f"{name}-operator",
            OperatorArgs(
                chart=CHART,
                namespace=NAMESPACE,
                sources=args.sources,
                connection=args.connection,
                values=chart_values(args.sources, args.environment),
                after=[definitions],
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.ready = [definitions, operator]
        self.register_outputs({})
