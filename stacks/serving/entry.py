"""What serving entries of every kind have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator

from pydantic import Field

from stacks.language.faults import Fault
from stacks.language.images import Image
from stacks.language.model import Many, rule
from stacks.language.types import Filled, Name
from stacks.serving.route import RouteConfig
from stacks.serving.types import ModelVersion
from stacks.workloads.config import Container
from stacks.workloads.objectives import ServerSlo
from stacks.workloads.placement import PlacementConfig
from stacks.workloads.pod_sets import PodSet


class ServingEntry(Container, PlacementConfig):
    """A server of one model."""

    name: Name = Field(
        description="Name of the entry, its Deployment and its Service. Unique among the team's serving entries."
    )
    image: Image = Field(description="Name of a sample image, or an image reference with a tag or digest.")
    command: Many[Filled] = Field(default=(), description="Command. Default: the image's entry point.")
    args: Many[str] = Field(default=(), description="Arguments. Default: the image's.")
    model: Name = Field(description="Name of the model that a training entry of the team trains.")
    version: ModelVersion | None = Field(
        default=None, description="Version of the model, to roll back. Default: the version that the stack trains."
    )
    storage: Name | None = Field(
        default=None, description="Storage of a model that no entry of the team trains. Requires `version`."
    )
    route: RouteConfig | None = Field(default=None, description="Host and path at the environment's gateway.")
    slo: ServerSlo | None = Field(default=None, description="Objectives that differ from the environment's.")

    @rule("version")
    def _version_from_elsewhere(self) -> Iterator[Fault]:
        if self.storage is not None and self.version is None:
            message = "names where a model trained elsewhere lies, which needs its version too; add version: v…"
            yield Fault(path=("storage",), message=message)

    @abstractmethod
    def pod_sets(self) -> tuple[PodSet, ...]:
        """The pods of the entry at full load, with those that a rollout adds."""
