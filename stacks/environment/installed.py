"""Which entries of the catalog an environment installs: what its mirror must have."""

from __future__ import annotations

from stacks.batch.config import BatchEntry
from stacks.environment.config import Environment
from stacks.environment.services import SERVICES
from stacks.language.images import is_sample
from stacks.serving.config import Serving
from stacks.serving.engines.stateful import StatefulServing
from stacks.serving.engines.tensorflow import PROGRAM, TensorFlowServing
from stacks.training.config import Training


def installed(environment: Environment) -> frozenset[str]:
    """The names of the catalog's entries that the cluster, the services and the servers need."""
    entries = {name for service in SERVICES for name in service.entries(environment)}
    servers = (server for team in environment.teams for server in team.serving)
    images = {PROGRAM for server in servers if _of_catalog(server, environment.cluster.kind)}
    return frozenset(entries.union(environment.cluster.installs(), images))


def sample_images(environment: Environment) -> frozenset[str]:
    """The sample images of this repository that the teams' workloads name."""
    named, kind = set[str](), environment.cluster.kind
    for team in environment.teams:
        named |= {entry.image for entry in team.entries if not _of_catalog(entry, kind)}
        backups = (entry.backup for entry in team.serving if isinstance(entry, StatefulServing))
        named |= {backup.image for backup in backups if backup and backup.image}
        named |= {entry.preprocess.image for entry in team.training if entry.preprocess and entry.preprocess.image}
    return frozenset(filter(is_sample, named))


def _of_catalog(entry: Training | Serving | BatchEntry, cluster: str) -> bool:
    """Whether the entry runs an image of the catalog."""
    return isinstance(entry, TensorFlowServing) and entry.runs_own_image(cluster)


def from_embedded_mirror(environment: Environment) -> frozenset[str]:
    """The entries that the embedded cluster takes from the mirror of this machine."""
    mirror = environment.catalog.mirror
    if not environment.cluster.embedded or (mirror.charts and mirror.images):
        return frozenset()
    return installed(environment)
