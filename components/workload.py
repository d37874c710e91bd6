"""The object on a cluster that runs an entry of a team."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi


@dataclass(frozen=True, kw_only=True)
class Workload:
    """`kind` as in Kubernetes, such as `Job`; the object is in the team's namespace."""

    kind: str
    name: pulumi.Output[str]
