"""Which entries of the catalog an environment installs: what its mirror must have."""

from __future__ import annotations

from stacks.environment.config import Environment
from stacks.environment.services import SERVICES
from stacks.language.images import is_sample


def installed(environment: Environment) -> frozenset[str]:
    """The names of the catalog's entries that the cluster and the services need."""
    entries = {name for service in SERVICES for name in service.entries(environment)}
    return frozenset(entries.union(environment.cluster.installs()))


def sample_images(environment: Environment) -> frozenset[str]:
    """The sample images of this repository that the teams' workloads name."""
    named: set[str] = set()
    for team in environment.teams:
        named |= {entry.image for entry in (*team.training, *team.serving)}
        named |= {entry.preprocess.image for entry in team.training if entry.preprocess and entry.preprocess.image}
    return frozenset(filter(is_sample, named))


def from_embedded_mirror(environment: Environment) -> frozenset[str]:
    """The entries that the embedded cluster takes from the mirror of this machine."""
    mirror = environment.catalog.mirror
    if not environment.cluster.embedded or (mirror.charts and mirror.images):
        return frozenset()
    return installed(environment)
