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
            props=mark_unknown(found.inputs),
            protect=found.protect,
            references={
                key: [ids[value]] for key, value in found.inputs.items() if isinstance(value, str) and value in ids
            },
            provider=mark_unknown(providers.get(found.provider.rpartition("::")[0], {})),
        )
        for found in graph.registrations
    ]


def mark_unknown(value: Any) -> Any:
    """A value with `UNKNOWN` in place of everything that the mocks know no plain value of."""
    if isinstance(value, dict):
        return {key: mark_unknown(item) for key, item in value.items()}
    if isinstance(value, list):
        return [mark_unknown(item) for item in value]
    return value if value is None or isinstance(value, str | bool | int | float) else UNKNOWN
