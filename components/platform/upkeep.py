"""What the objects of a Helm release are kept to.

Helm compares a chart with its own record of it, and Pulumi asks Helm: neither sees that somebody deleted or edited an
object behind their backs. An upkeep reads that record, compares it with the cluster when a stack is refreshed, and
applies again what is not as it says.
"""

from __future__ import annotations

import base64
import gzip
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi.dynamic as dynamic

from components.platform import manifests
from components.platform.connection import Connection, client_of
from components.platform.drain import is_up

if TYPE_CHECKING:
    # The Kubernetes client takes a second to import, and a preview does not need it.
    from components.platform.cluster_client import Client

# How long a controller may take to be back when its objects were repaired: its image is on the node already.
PATIENCE_SECONDS = 180
# What ends by itself, and is cleaned up by others, is not restored.
PASSING = ("Job", "Pod")
# What the API server writes into an object by itself.
_SERVER_FIELDS = ("managedFields", "resourceVersion", "generation")


@dataclass(frozen=True, kw_only=True)
class UpkeepArgs:
    """A Helm release, its namespace, and how to reach its cluster."""

    release: str
    namespace: pulumi.Input[str]
    connection: Connection


def recorded(release: str) -> list[Any]:
    """The objects of a release, from the `release` entry of Helm's Secret (as the API gives it, in base64).

    Hooks are not among them, nor what has an end.
    """
    record = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(release))))
    return [one for one in map(decided, manifests.objects(record["manifest"])) if one["kind"] not in PASSING]


def decided(found: Mapping[str, Any]) -> dict[str, Any]:
    """What the chart decides of an object, without what it leaves to the controller.

    Controllers write the authorities that their webhooks are trusted by, and the keys of a Secret that have no value.
    """
    rest: dict[str, Any] = _without_authority(found)
    if rest["kind"] == "Secret" and (data := rest.pop("data", None)):
        return {**rest, **({"data": kept} if (kept := {key: value for key, value in data.items() if value}) else {})}
    return rest


def _without_authority(found: Any) -> Any:
    if isinstance(found, Mapping):
        entries: Mapping[str, Any] = found
        return {key: _without_authority(value) for key, value in entries.items() if key != "caBundle"}
    if isinstance(found, list):
        items: list[Any] = found
        return [_without_authority(item) for item in items]
    return found


def is_as_wanted(live: Mapping[str, Any], applied: Mapping[str, Any]) -> bool:
    """Whether an object is the same as it would be when what is wanted of it were applied to it."""

    def own(found: Mapping[str, Any]) -> dict[str, Any]:
        metadata = {key: value for key, value in found["metadata"].items() if key not in _SERVER_FIELDS}
        return {**found, "metadata": metadata}

    return own(live) == own(applied)


def title(found: Mapping[str, Any]) -> str:
    return f"{found['kind']} {found['metadata']['name']}"


def drift(client: Client, objects: Iterable[Mapping[str, Any]], namespace: str) -> list[Mapping[str, Any]]:
    """Those that are not there, or not as they are wanted."""
    found: list[Mapping[str, Any]] = []
    for wanted in objects:
        live = client.find(wanted, namespace)
        if live is None:
            found.append(wanted)
        elif (applied := client.preview(wanted, namespace)) is None:
            pulumi.log.warn(f"{title(wanted)} of {namespace} is not looked after: the API server refuses to compare it")
        elif not is_as_wanted(live, applied):
            found.append(wanted)
    return found


class _UpkeepProvider(dynamic.ResourceProvider):
    """Holds no secret: what it is told is the release's name and the cluster's address. `drifted` are titles of the
    objects that the last refresh found changed.
    """

    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        return dynamic.CreateResult(id_=f"upkeep-{props['namespace']}-{props['release']}", outs=self._intact(props))

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        asked = set(_news) - {"__provider"}
        return dynamic.DiffResult(changes=bool(_olds["drifted"]) or any(_olds.get(key) != _news[key] for key in asked))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.UpdateResult:
        if _olds["drifted"]:
            client, namespace = client_of(_news), _news["namespace"]
            repair(client, drift(client, self._objects(client, _news), namespace), namespace)
        return dynamic.UpdateResult(outs=self._intact(_news))

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        client = client_of(props)
        found = drift(client, self._objects(client, props), props["namespace"])
        return dynamic.ReadResult(id_, {**props, "drifted": [title(one) for one in found]})

    def _intact(self, props: dict[str, Any]) -> dict[str, Any]:
        return {**props, "drifted": []}

    def _objects(self, client: Client, props: Mapping[str, Any]) -> list[Any]:
        # A release that is gone as a whole is for Helm to make again.
        release = client.helm_release(props["namespace"], props["release"])
        return recorded(release) if release else []


def repair(client: Client, objects: Sequence[Mapping[str, Any]], namespace: str) -> None:
    """Apply the objects, and wait until the Deployments among them answer again: webhooks may be theirs."""
    for wanted in objects:
        client.apply(wanted, namespace)
    names = {one["metadata"]["name"] for one in objects if one["kind"] == "Deployment"}
    deadline = time.monotonic() + PATIENCE_SECONDS
    while names and not is_up([one for one in client.deployments(namespace) if one["metadata"]["name"] in names]):
        if time.monotonic() > deadline:
            raise RuntimeError(
                f"the Deployments {', '.join(sorted(names))} in {namespace} were repaired, but are not available: "
                f"look at their pods"
            )
        time.sleep(2)


class Upkeep(dynamic.Resource, module="platform", name="Upkeep"):
    """A `pulumi up --refresh` makes the objects of the release what its chart says."""

    def __init__(self, name: str, args: UpkeepArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        properties = {
            "release": args.release,
            "namespace": args.namespace,
            **args.connection.properties,
        }
        super().__init__(_UpkeepProvider(), name, properties, opts)
