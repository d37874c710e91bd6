"""The table of services: what follows from its lines."""

from __future__ import annotations

from collections import Counter

from components import namespaces
from components.training.engines import OPERATORS
from stacks.environment.config import Environment
from stacks.environment.service import Service, Site
from stacks.environment.services import SERVICES
from tests.sound import sound
from tests.unit.stacks.programs import environment

# Not of a service: what the teams' samples are named by, and what the embedded cluster brings.
BESIDE = {namespaces.PLATFORM, namespaces.LOCAL_PATH}


def small() -> Environment:
    return sound(Environment, environment())


def test_every_namespace_of_the_platform_is_of_one_service() -> None:
    named = Counter(name for service in SERVICES for name in service.namespaces)
    assert set(named) == set(namespaces.RESERVED) - {"default"} - BESIDE
    assert set(named.values()) == {1}


def test_what_a_destroy_drains_is_in_a_namespace_of_its_service() -> None:
    drained = [(service, one) for service in SERVICES for one in service.drained]
    assert len(drained) > len(OPERATORS)
    assert all(one.namespace in service.namespaces for service, one in drained)
    assert len({one.name for _, one in drained}) == len(drained)


def test_every_operator_of_an_engine_is_a_service() -> None:
    lines = {service.name: service for service in SERVICES}
    assert len(lines) == len(SERVICES)
    trains = sound(Environment, environment(engines=["pytorch"]))
    assert set(OPERATORS) <= set(lines)
    assert set(lines["trainer"].entries(trains)) == set(OPERATORS["trainer"])
    assert not list(lines["trainer"].entries(small()))


def test_a_service_is_built_only_for_an_environment_that_asks_for_it() -> None:
    asked = Service[str](name="asked", section=lambda _: "section", build=lambda section, _: section.encode())
    other = Service[str](name="other", section=lambda _: None, build=lambda *_: b"built", installs=lambda *_: ("x",))
    # The cluster is only handed on to builders.
    site = Site(environment=small(), cluster=None)  # pyright: ignore[reportArgumentType]
    asked.build_on(site)
    other.build_on(site)
    assert site.built == {"asked": b"section"}
    assert site.of(bytes) == b"section"
    assert site.of(int) is None
    assert not list(other.entries(small()))
