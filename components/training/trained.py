"""What every training gives, whatever its engine."""

from __future__ import annotations

import pulumi

from components.workload import Workload


class Trained(pulumi.ComponentResource):
    """A version of a model that exists once this component does. `model_path` is its folder or URI.

    `data_path` is that of the data that it was trained on.
    """

    model: str
    version: str
    model_path: str
    data_path: str
    workload: Workload
