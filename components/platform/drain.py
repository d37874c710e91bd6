"""What lets a stack be destroyed while one of its operators is down.

Operators put finalizers on their objects and webhooks before them: with nobody there to answer, no such object can be
deleted, nor the namespace it is in. Some serve a part of the API themselves: without it no namespace of the cluster can
be deleted, since nobody knows what else is in it. A drain is made last, so it is the first thing that a destroy
deletes. It then looks whether its operator answers. If not, it takes the operator's finalizers, webhooks and API
services away: what they guard is about to be deleted anyway.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi.dynamic as dynamic

from components.platform.connection import Connection, client_of

if TYPE_CHECKING:
    # The Kubernetes client takes a second to import, and only a destroy needs it.
    from components.platform.cluster_client import Client

# A healthy operator that just restarts is back within it.
PATIENCE_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class Drained:
    """A controller that a destroy may find down: its name, its namespace, and the API group of its objects."""

    name: str
    namespace: str
    group: str


@dataclass(frozen=True, kw_only=True)
class DrainArgs:
    """An operator: its namespace, the API groups of its objects, and how to reach its cluster.

    Finalizers count as the operator's when their domain is one of
    `groups`, or below one of them.
    """

    namespace: str
    groups: Sequence[str]
    connection: Connection
    patience_seconds: int = PATIENCE_SECONDS


def without(finalizers: Sequence[str], groups: Sequence[str]) -> list[str]:
    """The finalizers that are not of one of the groups."""
    return [
        finalizer
        for finalizer in finalizers
        if not any(
            domain == group or domain.endswith(f".{group}")
            for domain in [finalizer.partition("/")[0]]
            for group in groups
        )
    ]


def is_up(deployments: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the operator answers: it has Deployments, and each has a replica that is available."""
    return bool(deployments) and all(
        (deployment.get("status") or {}).get("availableReplicas") for deployment in deployments
    )


def webhooks_in(configurations: Sequence[Mapping[str, Any]], namespace: str) -> list[tuple[str, str]]:
    """Kinds and names of the webhook configurations that call a Service of the namespace."""
    return [
        (configuration["kind"], configuration["metadata"]["name"])
        for configuration in configurations
        if any(
            ((webhook["clientConfig"].get("service")) or {}).get("namespace") == namespace
            for webhook in configuration.get("webhooks") or []
        )
    ]


def api_services_in(services: Sequence[Mapping[str, Any]], namespace: str) -> list[str]:
    """Names of the APIServices that a Service of the namespace answers for."""
    return [
        service["metadata"]["name"]
        for service in services
        if ((service.get("spec") or {}).get("service") or {}).get("namespace") == namespace
    ]


@dataclass
class Released:
    """What a drain took away, for its message."""

    webhooks: list[str] = field(default_factory=list[str])
    api_services: list[str] = field(default_factory=list[str])
    objects: list[str] = field(default_factory=list[str])


class _DrainProvider(dynamic.ResourceProvider):
    """Does nothing but at its end. It holds no secret: what it is told is the cluster's address."""

    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        return dynamic.CreateResult(id_=f"drain-{props['namespace']}", outs=props)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        keys = set(_olds) | set(_news)
        return dynamic.DiffResult(changes=any(_olds.get(key) != _news.get(key) for key in keys - {"__provider"}))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.UpdateResult:
        return dynamic.UpdateResult(outs=_news)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        client = client_of(_props)
        deadline = time.monotonic() + float(_props["patience_seconds"])
        while not is_up(client.deployments(_props["namespace"])):
            if time.monotonic() > deadline:
                released = release(client, _props["namespace"], _props["groups"])
                pulumi.log.warn(
                    f"the operator in {_props['namespace']} does not answer: its finalizers were taken off "
                    f"{len(released.objects)} objects, and {len(released.webhooks)} webhook configurations and "
                    f"{len(released.api_services)} API services removed"
                )
                return
            time.sleep(2)


def release(client: Client, namespace: str, groups: Sequence[str]) -> Released:
    """Take an operator's webhooks, API services and finalizers away."""
    released = Released()
    # First: they would refuse the change of every object below.
    for kind, name in webhooks_in(client.webhook_configurations(), namespace):
        client.delete_webhook_configuration(kind, name)
        released.webhooks.append(name)
    for name in api_services_in(client.api_services(), namespace):
        client.delete_api_service(name)
        released.api_services.append(name)
    for group in groups:
        for found in client.objects_of(group):
            left = without(found.finalizers, groups)
            if len(left) < len(found.finalizers):
                client.set_finalizers(found, left)
                released.objects.append(f"{found.plural}/{found.name}")
    return released


class Drain(dynamic.Resource, module="platform", name="Drain"):
    """Whatever depends on this operator can be destroyed, be the operator up or down."""

    def __init__(self, name: str, args: DrainArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        properties = {
            "namespace": args.namespace,
            "groups": list(args.groups),
            **args.connection.properties,
            "patience_seconds": args.patience_seconds,
        }
        super().__init__(_DrainProvider(), name, properties, opts)
