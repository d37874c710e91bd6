"""From a graph that the mocks recorded to what the rules look at."""

from __future__ import annotations

from typing import Any

from policy.graph.resources import Resource
from policy.graph.values import UNKNOWN
from tests.unit.recorder import Graph


def resources(graph: Graph) -> list[Resource]:
    """The resources of a recorded graph, as the engine would show them to the pack."""
    providers = {found.urn: found.inputs for found in graph.registrations if found.type.startswith("pulumi:providers:")}
    # Mocks give every resource the id `<name>-id`: who has it as a property refers to that resource.
    ids = {f"{found.name}-id": found.urn for found in graph.registrations}
    return [
        Resource(
            type=found.type,
            urn=found.urn,
            name=found.name,
            props=_plain(found.inputs),
            protect=found.protect,
            references={
                key: [ids[value]] for key, value in found.inputs.items() if isinstance(value, str) and value in ids
            },
            provider=_plain(providers.get(found.provider.rpartition("::")[0], {})),
        )
        for found in graph.registrations
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, str | bool | int | float) else UNKNOWN
