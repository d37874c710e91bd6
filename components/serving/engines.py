"""What the platform knows of each kind of server: one `ServerFacts` a kind of entry.

Monitoring reads it: where a kind has its metrics, what its requests are called, and which of them failed. A new kind is
one more line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# The annotation of a Service that says where its pods have metrics; without it, they are at /metrics.
METRICS_PATH = "ml-platform/metrics-path"
# What every server calls its port for clients and metrics, and policies and monitors name.
HTTP = "http"


@dataclass(frozen=True, kw_only=True)
class ServerFacts:
    """The metrics of a kind of server.

    `metrics_path` is where its port `http` has them. `requests` is the counter of answered requests, `asked` matches
    those that clients ask for, `failed` those of them that the server failed. `latency` is their histogram, with the
    upper bounds `bounds` in seconds; its own unit is a `unit`-th of a second.
    """

    kind: str
    metrics_path: str
    requests: str
    asked: str
    failed: str
    latency: str
    bounds: Sequence[float]
    unit: float = 1

    def bound(self, seconds: float) -> str:
        """The label `le` of the largest bound up to so many seconds, as Prometheus has it: `0.25`, `1.0`."""
        fitting = [bound for bound in self.bounds if bound <= seconds]
        # Six digits are what TensorFlow Serving writes, and more than the others have.
        return repr(float(f"{max(fitting, default=min(self.bounds)) * self.unit:.6g}"))


# Upper bounds, in seconds, that a predictor's latency histogram has (images/workloads/common/requests.py).
LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

DEPLOYMENT = ServerFacts(
    kind="deployment",
    metrics_path="/metrics",
    requests="predictor_requests_total",
    # Predictions only: probes and scrapes are quick, many, and of no interest to a client.
    asked='route=~".*predict"',
    failed='status=~"5.."',
    latency="predictor_request_duration_seconds",
    bounds=LATENCY_BUCKETS,
)
STATEFUL = ServerFacts(
    kind="stateful",
    metrics_path="/metrics",
    requests="server_requests_total",
    asked='route=~"/v1/.*"',
    failed='status=~"5.."',
    latency="server_request_duration_seconds",
    bounds=LATENCY_BUCKETS,
)
# Counts predictions only. Names, labels and bounds are those of its source, tensorflow_serving/servables/tensorflow.
TENSORFLOW = ServerFacts(
    kind="tensorflow",
    metrics_path="/monitoring/prometheus/metrics",
    requests=":tensorflow:serving:request_count",
    asked='model_name!=""',
    failed='status!~"OK|INVALID_ARGUMENT|NOT_FOUND|FAILED_PRECONDITION|OUT_OF_RANGE"',
    latency=":tensorflow:serving:request_latency",
    # Microseconds, from 10 in steps of 1.8.
    bounds=tuple(1.8**power / 1e5 for power in range(33)),
    unit=1e6,
)

FACTS = {facts.kind: facts for facts in (DEPLOYMENT, STATEFUL, TENSORFLOW)}
