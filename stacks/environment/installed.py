"""Which entries of the catalog an environment installs: what its mirror must have."""

from __future__ import annotations

from collections.abc import Iterator

from stacks.environment.config import Environment
from stacks.language.images import is_sample
from stacks.language.model import ConfigModel


def installed(environment: Environment) -> frozenset[str]:
    """The names of the catalog's entries that some part of the config asks for."""
    kind = environment.cluster.kind
    return frozenset(name for part in _parts(environment) for name in part.installs(kind))


def sample_images(environment: Environment) -> frozenset[str]:
    """The sample images of this repository that the teams' workloads name."""
    named: set[str] = set()
    for team in environment.teams:
        named |= {entry.image for entry in (*team.training, *team.serving)}
        named |= {entry.preprocess.image for entry in team.training if entry.preprocess and entry.preprocess.image}
    return frozenset(filter(is_sample, named))


def _parts(value: object) -> Iterator[ConfigModel]:
    """The models in a value, at any depth, itself included."""
    if isinstance(value, ConfigModel):
        yield value
        for name in type(value).model_fields:
            yield from _parts(getattr(value, name))
    elif isinstance(value, tuple):
        for one in value:
            yield from _parts(one)
    elif isinstance(value, dict):
        for one in value.values():
            yield from _parts(one)


def from_embedded_mirror(environment: Environment) -> frozenset[str]:
    """The entries that the embedded cluster takes from the mirror of this machine."""
    mirror = environment.catalog.mirror
    if not environment.cluster.embedded or (mirror.charts and mirror.images):
        return frozenset()
    return installed(environment)
