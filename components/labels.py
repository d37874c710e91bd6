"""Labels of every object that the platform makes, and the small stable subset that selectors use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

PART_OF = "ml-platform"
TEAM_LABEL = "ml-platform/team"
NAME_LABEL = "app.kubernetes.io/name"
COMPONENT_LABEL = "app.kubernetes.io/component"
INSTANCE_LABEL = "app.kubernetes.io/instance"


@dataclass(frozen=True, kw_only=True)
class Owner:
    """The team that an object belongs to, and the labels that the team wants on its objects."""

    team: str
    labels: Mapping[str, str] = field(default_factory=dict[str, str])


def selector_labels(*, name: str, component: str) -> dict[str, str]:
    """The labels that a selector may use.

    A Deployment's selector is immutable: a label that could change one day would mean a replacement, so a
    selector never has more than these two. Together they are unique within a namespace.
    """
    return {NAME_LABEL: name, COMPONENT_LABEL: component}


def platform_labels(owner: Owner, *, name: str, component: str, instance: str | None = None) -> dict[str, str]:
    """The platform's own labels of an object.

    `name` is the entry of the stack file that the object belongs to (`digits`), `component` the part it plays
    there (`training`, `serving`, `storage`, `tenancy`). `instance` tells several of one name apart; by
    default it is `<name>-<component>`.
    """
    return {
        **selector_labels(name=name, component=component),
        INSTANCE_LABEL: instance or f"{name}-{component}",
        "app.kubernetes.io/part-of": PART_OF,
        "app.kubernetes.io/managed-by": "pulumi",
        TEAM_LABEL: owner.team,
    }


def object_labels(owner: Owner, *, name: str, component: str, instance: str | None = None) -> dict[str, str]:
    """The platform's labels and the team's. The platform's win, since selectors and policies rest on them."""
    return {**owner.labels, **platform_labels(owner, name=name, component=component, instance=instance)}


def service_labels(name: str, component: str, *, instance: str | None = None) -> dict[str, str]:
    """Labels of an object of the platform itself, which belongs to no team. `instance` as in `platform_labels`."""
    return {
        **selector_labels(name=name, component=component),
        INSTANCE_LABEL: instance or f"{name}-{component}",
        "app.kubernetes.io/part-of": PART_OF,
        "app.kubernetes.io/managed-by": "pulumi",
    }
