"""Service level objectives of model servers as multi-window, multi-burn-rate rules.

After "Alerting on SLOs" in Google's Site Reliability Workbook (https://sre.google/workbook/alerting-on-slos/): a
budget that burns `rate` times too fast over a long window, and still does over a short one. What each server promises
and what it does are series of the same names and labels, so one set of alerts serves all servers.
"""

from __future__ import annotations

from dataclasses import dataclass

from components.monitoring.rules.model import Recording, RuleGroup
from components.serving.engines import ServerFacts


@dataclass(frozen=True, kw_only=True)
class BurnRate:
    """So many times the rate that would use up a month's budget in a month, over both windows."""

    rate: float
    long: str
    short: str


# 2 % of a month's budget within an hour, 5 % within six hours.
FAST = (BurnRate(rate=14.4, long="1h", short="5m"), BurnRate(rate=6, long="6h", short="30m"))
# 10 % within a day, or within three: nobody has to get up for it.
SLOW = (BurnRate(rate=3, long="1d", short="2h"), BurnRate(rate=1, long="3d", short="6h"))
WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")


@dataclass(frozen=True, kw_only=True)
class Objectives:
    """What a server promises: percent of requests without an error, percent of requests within `latency` seconds."""

    availability: float
    latency: float
    latency_target: float


def ratio_name(objective: str, window: str) -> str:
    return f"slo:{objective}:ratio_rate{window}"


def budget_name(objective: str) -> str:
    return f"slo:{objective}:budget"


ERRORS = "request_errors"
SLOWNESS = "request_slowness"


def burn_expression(objective: str, burns: tuple[BurnRate, ...]) -> str:
    """PromQL that is true for the servers whose budget burns as fast as one of `burns` says."""
    budget = budget_name(objective)
    return "\nor\n".join(
        f"({ratio_name(objective, burn.long)} > {burn.rate:g} * {budget}\n"
        f" and {ratio_name(objective, burn.short)} > {burn.rate:g} * {budget})"
        for burn in burns
    )


def _share(percent: float) -> str:
    """What may go wrong, as a number between 0 and 1, without the noise of binary fractions."""
    return f"{round((100 - percent) / 100, 9):g}"


def objective_rules(objectives: Objectives, facts: ServerFacts, *, namespace: str, service: str) -> RuleGroup:
    """What one server promises, and how much of its requests failed or were slow over each window.

    A share of slow requests can only be read off at a bound of the histogram: it is the largest up to the promise.
    """
    labels = {"namespace": namespace, "service": service}
    here = f'namespace="{namespace}", service="{service}", {facts.asked}'

    def rate(series: str, window: str, more: str = "") -> str:
        return f"sum by (namespace, service) (rate({series}{{{here}{more}}}[{window}]))"

    def errors(window: str) -> str:
        every = rate(facts.requests, window)
        failed = rate(facts.requests, window, f", {facts.failed}")
        # A server without an error has no series of errors: that is a share of 0, not of nothing.
        return f"({failed} or 0 * {every})\n/ {every}"

    def slowness(window: str) -> str:
        within = rate(f"{facts.latency}_bucket", window, f', le="{facts.bound(objectives.latency)}"')
        return f"1 - {within}\n/ {rate(f'{facts.latency}_count', window)}"

    return RuleGroup(
        name=f"slo-{namespace}-{service}",
        rules=[
            Recording(
                record=budget_name(ERRORS), expression=f"vector({_share(objectives.availability)})", labels=labels
            ),
            Recording(
                record=budget_name(SLOWNESS), expression=f"vector({_share(objectives.latency_target)})", labels=labels
            ),
            *(Recording(record=ratio_name(ERRORS, window), expression=errors(window)) for window in WINDOWS),
            *(Recording(record=ratio_name(SLOWNESS, window), expression=slowness(window)) for window in WINDOWS),
        ],
    )
