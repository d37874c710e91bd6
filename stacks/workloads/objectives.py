"""What servers promise: the environment's `monitoring.slo`, and the `slo:` of a server that promises something else."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from components.monitoring.rules.slo import Objectives
from components.serving.engines import LATENCY_BUCKETS
from stacks.language.model import ConfigModel, Rule, shown

_TIME = re.compile(r"(\d+(?:\.\d+)?)(ms|s)")


def _time_text(seconds: float) -> str:
    return f"{seconds:g}s" if seconds >= 1 else f"{seconds * 1000:g}ms"


_BOUNDS = ", ".join(map(_time_text, LATENCY_BUCKETS))


def check_latency(value: object) -> float:
    """Seconds of "250ms" or "2.5s": one of the bounds of a predictor's latency histogram."""
    remedy = f"write one of {_BOUNDS}"
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{shown(value)} is not a time; {remedy}")
    seconds = round(float(match[1]) / (1000 if match[2] == "ms" else 1), 9)
    if seconds not in LATENCY_BUCKETS:
        raise ValueError(f"{shown(value)} is no bound of the predictors' latency histogram; {remedy}")
    return seconds


def check_objective(value: object) -> float:
    """Percent of requests, from 50 to 99.99. A promise of 100 leaves no budget, and alerts on every single failure."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 50 <= value <= 99.99:
        raise ValueError(f"{shown(value)} is not a percentage from 50 to 99.99; write a number, such as 99.5")
    return float(value)


LatencyBound = Annotated[
    float, Rule("latency bound", check_latency, f"a bound of the predictors' latency histogram: {_BOUNDS}")
]
Objective = Annotated[float, Rule("percentage", check_objective, "a number from 50 to 99.99: `99.5`")]


class Latency(ConfigModel):
    """Objective for response times."""

    threshold: LatencyBound = Field(default=0.25, description="Longest response time that meets the objective.")
    target: Objective = Field(default=99, description="Percentage of requests answered within `threshold`.")


class Slo(ConfigModel):
    """Objectives of model servers, over 30 days. Alerts fire while an error budget burns too fast."""

    availability: Objective = Field(default=99.5, description="Percentage of requests that do not fail (5xx).")
    latency: Latency = Field(default=Latency(), description="Objective for response times.")


class ServerLatency(ConfigModel):
    """Objective for response times, where it differs from the environment's."""

    threshold: LatencyBound | None = Field(default=None, description="Longest response time that meets the objective.")
    target: Objective | None = Field(default=None, description="Percentage of requests answered within `threshold`.")


class ServerSlo(ConfigModel):
    """Objectives of the server, where they differ from `monitoring.slo` of the environment."""

    availability: Objective | None = Field(default=None, description="Percentage of requests that do not fail (5xx).")
    latency: ServerLatency = Field(default=ServerLatency(), description="Objective for response times.")


def objectives_of(default: Slo, server: ServerSlo | None) -> Objectives:
    """What a server promises: what its entry says, and the environment's word for the rest."""
    own = server or ServerSlo()
    latency = own.latency
    return Objectives(
        availability=default.availability if own.availability is None else own.availability,
        latency=default.latency.threshold if latency.threshold is None else latency.threshold,
        latency_target=default.latency.target if latency.target is None else latency.target,
    )
