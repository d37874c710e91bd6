"""What became of the operations that a killed update left pending in Pulumi's state. Pure functions.

Pulumi notes an operation in the state before it begins and removes the note when the operation ends. A note that stays
says only that the operation was begun. Pulumi itself never drops pending creations, and neither adopts nor deletes
what they made. Here each is looked up in the cluster:

- An object that the creation made becomes a resource of the state, with the field manager under which it was applied.
  The next update goes on with it, and a destroy removes it. Created a second time, the object would have two field
  managers, and every later change of it would be refused as a conflict between them.
- What was not made is forgotten: the next update creates it.
- A resource whose update was interrupted stays as the state has it, marked so that the next update applies it again.
- A Helm release keeps its place: Helm's records of an installation that did not end are removed, since with them Helm
  refuses the next one. That one adopts the objects that are there, which carry the release's name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Object = Mapping[str, Any]
#: Finds an object in the cluster by the `apiVersion`, `kind` and `metadata` of another; None when it is not there.
Lookup = Callable[[Object], Object | None]

RELEASE = "kubernetes:helm.sh/v3:Release"
#: The provider applies under a name that begins so and ends at random.
MANAGER = "pulumi-kubernetes-"
#: Makes the next update apply a resource again and wait for it, even when nothing of it has changed.
INTERRUPTED = "the update that applied this resource was killed"


@dataclass(frozen=True, kw_only=True)
class Release:
    """A Helm release with an interrupted operation. `installed`: the state has it, so its last revision is good."""

    namespace: str
    name: str
    installed: bool


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """A state without pending operations, and what was found.

    `unknown` are the resources of which nothing can be said here: the state has to stay as it is until somebody has
    looked at them.
    """

    deployment: Object
    adopted: Sequence[str]
    forgotten: Sequence[str]
    repeated: Sequence[str]
    releases: Sequence[Release]
    unknown: Sequence[str]


def recover(deployment: Object, lookup: Lookup) -> Recovery:
    """The state `deployment`, as `pulumi stack export` gives it, with every pending operation settled."""
    resources: list[Object] = list(deployment.get("resources") or [])
    adopted: list[str] = []
    forgotten: list[str] = []
    repeated: list[str] = []
    releases: list[Release] = []
    unknown: list[str] = []
    for operation in deployment.get("pending_operations") or []:
        resource, kind = operation["resource"], operation["resource"]["type"]
        urn, recorded = resource["urn"], _is_recorded(resource, resources)
        if kind == RELEASE:
            inputs = resource["inputs"]
            releases.append(Release(namespace=inputs["namespace"], name=inputs["name"], installed=recorded))
        if operation["type"] == "updating":
            resources = [_marked(one) if one["urn"] == urn and not one.get("delete") else one for one in resources]
            repeated.append(urn)
        elif operation["type"] != "creating" or recorded or kind == RELEASE or _is_made_again(kind):
            forgotten.append(urn)
        elif not kind.startswith("kubernetes:") or not _object_name(resource):
            unknown.append(urn)
        elif (made := _made(resource, lookup)) and (grown := _with(resources, made)):
            resources = grown
            adopted.append(urn)
        else:
            forgotten.append(urn)
    return Recovery(
        deployment={**deployment, "resources": resources, "pending_operations": []},
        adopted=adopted,
        forgotten=forgotten,
        repeated=repeated,
        releases=releases,
        unknown=unknown,
    )


def _is_made_again(kind: str) -> bool:
    """Whether a creation that is repeated does no harm: providers, and our own resources, which only apply or look."""
    return kind.startswith(("pulumi:", "pulumi-python:"))


def _object_name(resource: Object) -> str:
    """The name of what a resource stands for, with its namespace if it names one; '' when it has no name yet."""
    inputs = resource.get("inputs", {})
    names = inputs if resource["type"] == RELEASE else inputs.get("metadata", {})
    return _identifier(names) if isinstance(names.get("name"), str) else ""


def _identifier(metadata: Object) -> str:
    """The ID by which the provider knows an object: `namespace/name` or `name`."""
    return "/".join(metadata[key] for key in ("namespace", "name") if metadata.get(key))


def _is_recorded(resource: Object, resources: Sequence[Object]) -> bool:
    """Whether the state has what was created: a later update did it again. A replacement has the URN of the old one."""
    name = _object_name(resource)
    return any(
        one["urn"] == resource["urn"]
        and not one.get("delete")
        and (one["id"] == name or one["id"].endswith(f"/{name}") or not name)
        for one in resources
        if one.get("id")
    )


def _made(resource: Object, lookup: Lookup) -> Object | None:
    """The state of a resource whose object the interrupted creation has made; None when it has not."""
    inputs = resource["inputs"]
    found = lookup({key: inputs[key] for key in ("apiVersion", "kind", "metadata")})
    if found is None:
        return None
    wanted, metadata = inputs["metadata"].get("labels", {}), found["metadata"]
    managers = {
        entry["manager"]
        for entry in metadata.get("managedFields", [])
        if entry.get("operation") == "Apply" and entry["manager"].startswith(MANAGER)
    }
    # Of several managers nobody can say which one is this operation's; other labels are those of another object.
    if len(managers) != 1 or not wanted.items() <= metadata.get("labels", {}).items():
        return None
    return {
        **resource,
        "id": _identifier(metadata),
        # Not what the cluster has, which would bring values of Secrets into the state in the clear.
        "outputs": {
            **inputs,
            "__inputs": inputs,
            "__initialApiVersion": inputs["apiVersion"],
            "__fieldManager": managers.pop(),
        },
        "initErrors": [INTERRUPTED],
    }


def _marked(resource: Object) -> Object:
    return {**resource, "initErrors": [*resource.get("initErrors", []), INTERRUPTED]}


def _with(resources: Sequence[Object], made: Object) -> list[Object] | None:
    """The resources and one more, after all that it needs; None when there is no such place.

    The one that it replaces, if any, has to follow it, marked to be deleted.
    """
    needed = {made.get("parent"), made.get("provider", "").rpartition("::")[0], *made.get("dependencies", [])}
    needed |= {urn for urns in made.get("propertyDependencies", {}).values() for urn in urns or []}
    needed -= {None, ""}
    place = next(
        (index for index, one in enumerate(resources) if one["urn"] == made["urn"] and not one.get("delete")),
        len(resources),
    )
    if not needed <= {one["urn"] for one in resources[:place]}:
        return None
    replaced = [{**one, "delete": True} for one in resources[place : place + 1]]
    return [*resources[:place], made, *replaced, *resources[place + 1 :]]
