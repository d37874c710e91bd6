"""`kind: deployment`: any HTTP predictor as a Deployment."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from stacks.serving.entry import ModelServing
from stacks.serving.parts import ProbesConfig


class DeploymentServing(ModelServing):
    """An HTTP predictor as a Deployment with Service, probes, disruption budget and an optional autoscaler."""

    platform_variables: ClassVar[frozenset[str]] = frozenset({"MODEL_NAME", "MODEL_VERSION", "MODEL_ROOT", "PORT"})

    kind: Literal["deployment"] = Field(description="A Deployment of any HTTP predictor.")
    port: int = Field(default=8080, ge=1024, le=65535, description="Port that the predictor listens on.")
    probes: ProbesConfig = Field(default=ProbesConfig(), description="Liveness, readiness and start-up probes.")
