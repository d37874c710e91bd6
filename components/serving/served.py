"""What every server gives, whatever its engine."""

from __future__ import annotations

import pulumi

from components.workload import Workload


class Served(pulumi.ComponentResource):
    """A version of a model that answers. `url` is the address without a path; `autoscaler` is None without one."""

    workload: Workload
    service: pulumi.Output[str]
    autoscaler: pulumi.Output[str] | None
    url: pulumi.Output[str]
