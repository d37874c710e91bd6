"""The CustomResourceDefinitions of a manifest of the catalog.

Their schemas are megabytes. As resources of their own they would be nine tenths of a stack's state, which Pulumi writes
anew at every step: so they are one resource, which remembers only what tells that a definition was changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi.dynamic as dynamic

from components.platform.connection import Connection, client_of
from components.platform.sources import Sources

if TYPE_CHECKING:
    # The Kubernetes client takes a second to import, and a preview does not need it.
    from components.platform.cluster_client import Client


@dataclass(frozen=True, kw_only=True)
class DefinitionsArgs:
    """`manifest` is the name of an entry of the catalog that holds definitions."""

    manifest: str
    sources: Sources
    connection: Connection


def identity(places: Sequence[str]) -> str:
    """What changes when the manifest does: the digests of its files; an address names its version."""
    return " ".join(
        place if "://" in place else hashlib.sha256(Path(place).read_bytes()).hexdigest() for place in places
    )


def fingerprint(definition: Mapping[str, Any]) -> str:
    """A digest of what the manifest decides of a definition on a cluster.

    The authority that a conversion webhook is trusted by is its controller's to write.
    """
    spec: Any = json.loads(json.dumps(definition["spec"]))
    webhook = ((spec.get("conversion") or {}).get("webhook") or {}).get("clientConfig") or {}
    webhook.pop("caBundle", None)
    decided = {"spec": spec, "labels": definition["metadata"].get("labels")}
    return hashlib.sha256(json.dumps(decided, sort_keys=True).encode()).hexdigest()


def install(client: Client, definitions: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Apply the definitions, and wait until the API server serves them. Returns their fingerprints by name."""
    for definition in definitions:
        client.apply_definition(definition)
    return {name: fingerprint(client.served_definition(name)) for name in sorted(map(name_of, definitions))}


def name_of(definition: Mapping[str, Any]) -> str:
    name: str = definition["metadata"]["name"]
    return name


class _DefinitionsProvider(dynamic.ResourceProvider):
    """Holds no secret: what it is told is a manifest's place and the cluster's address.

    `applied` are the fingerprints of what was applied, `found` those of what a refresh found. What an earlier version
    of the manifest had stays, with the objects of its kind, and goes with the rest.
    """

    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        return dynamic.CreateResult(id_=f"definitions-{props['manifest']}", outs=self._install(props, {}))

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        # The same manifest may be at another place on another machine.
        asked = set(_news) - {"__provider", "places"}
        drifted = _olds.get("found") != _olds.get("applied")
        return dynamic.DiffResult(changes=drifted or any(_olds.get(key) != _news[key] for key in asked))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.UpdateResult:
        return dynamic.UpdateResult(outs=self._install(_news, _olds["applied"]))

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        client = client_of(props)
        found = {name: client.find_definition(name) for name in props["applied"]}
        prints = {name: fingerprint(definition) for name, definition in found.items() if definition}
        return dynamic.ReadResult(id_, {**props, "found": prints})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        client = client_of(_props)
        names = list(_props["applied"])
        for name in names:
            client.delete_definition(name)
        for name in names:
            client.await_no_definition(name)

    def _install(self, props: dict[str, Any], before: Mapping[str, str]) -> dict[str, Any]:
        from components.platform import cluster_client

        definitions = [one for place in props["places"] for one in cluster_client.read_definitions(place)]
        applied = {**before, **install(client_of(props), definitions)}
        return {**props, "applied": applied, "found": applied}


class Definitions(dynamic.Resource, module="platform", name="Definitions"):
    """The kinds of a manifest, served by the API server when this resource is there; gone, with all objects of these
    kinds, when it is destroyed.
    """

    def __init__(self, name: str, args: DefinitionsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        places = args.sources.manifest(args.manifest)
        properties = {
            "manifest": args.manifest,
            "places": list(places),
            "identity": identity(places),
            **args.connection.properties,
        }
        super().__init__(_DefinitionsProvider(), name, properties, opts)
