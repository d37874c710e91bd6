"""The services under the teams, each there only when the stack config asks for it."""

from __future__ import annotations

from dataclasses import dataclass

from components.cluster import Cluster
from stacks.config import Environment


@dataclass(frozen=True, kw_only=True)
class Services:
    """What teams and workloads may build on. None is a service that this environment does not have."""


def build_services(environment: Environment, cluster: Cluster) -> Services:
    """Installs what the environment asks for, in the order in which the services need each other."""
    del environment, cluster
    return Services()
