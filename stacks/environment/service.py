"""What a service of the platform is: a line of the table in `stacks.environment.services`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from components.cluster import Cluster
from components.platform.drain import Drained
from stacks.environment.config import Environment

S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where services are built: an environment and its cluster. `built` has them by the names of their lines."""

    environment: Environment
    cluster: Cluster
    built: dict[str, object] = field(default_factory=dict[str, object])

    def all_of(self, kind: type[T]) -> list[T]:
        """The services of a class."""
        return [service for service in self.built.values() if isinstance(service, kind)]

    def of(self, kind: type[T]) -> T | None:
        """The service of a class; None where the environment does not have it."""
        return next(iter(self.all_of(kind)), None)


@dataclass(frozen=True, kw_only=True)
class Service(Generic[S]):
    """A service of the platform.

    section: what of an environment asks for it; None where it does not. build: builds it from its section.
    installs: the entries of the catalog that a section needs on a kind of cluster. namespaces: those that it may
    create. drained: its controllers, which a destroy may find down; the service then has `ready`, what their objects
    depend on.
    """

    name: str
    section: Callable[[Environment], S | None]
    build: Callable[[S, Site], object]
    installs: Callable[[S, str], Iterable[str]] = lambda _section, _cluster: ()
    namespaces: tuple[str, ...] = ()
    drained: tuple[Drained, ...] = ()

    def entries(self, environment: Environment) -> Iterator[str]:
        """The entries of the catalog that the environment needs for this service."""
        if (section := self.section(environment)) is not None:
            yield from self.installs(section, environment.cluster.kind)

    def build_on(self, site: Site) -> None:
        """Builds the service if the environment asks for it."""
        if (section := self.section(site.environment)) is not None:
            site.built[self.name] = self.build(section, site)
