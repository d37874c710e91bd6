"""TensorFlow Serving's metrics, under its names and with its bounds."""

import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

REQUESTS = ":tensorflow:serving:request_count"
LATENCY = ":tensorflow:serving:request_latency"
# Microseconds.
BOUNDS = tuple(10 * 1.8**power for power in range(33))


class Metrics(Collector):
    """Requests by model and the code of their answer, and how long they took."""

    def __init__(self, models: Iterable[str]) -> None:
        self._models = frozenset(models)
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str]] = Counter()
        self._latency: defaultdict[tuple[str, str, str], Counter[float]] = defaultdict(Counter)
        self._sums: Counter[tuple[str, str, str]] = Counter()
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def observe(self, model: str, code: str, *, entrypoint: str, seconds: float) -> None:
        """Count a request for predictions; as in TensorFlow Serving, the time of one that failed is not kept.

        The name of a model that this server does not have is not kept either: clients could make up any number.
        """
        if model not in self._models:
            return
        with self._lock:
            self._requests[model, code] += 1
            if code == "OK":
                key, micros = (model, "Predict", entrypoint), round(seconds * 1e6)
                self._latency[key][next((bound for bound in BOUNDS if micros < bound), float("inf"))] += 1
                self._sums[key] += micros

    def collect(self) -> Iterator[Metric]:
        """Called by the registry."""
        with self._lock:
            requests = Metric(REQUESTS, "The total number of requests.", "unknown")
            for (model, code), count in self._requests.items():
                requests.add_sample(REQUESTS, {"model_name": model, "status": code}, count)
            latency = HistogramMetricFamily(
                LATENCY, "Wall time in microseconds.", labels=("model_name", "API", "entrypoint")
            )
            for key, found in self._latency.items():
                total, buckets = 0, list[tuple[str, float]]()
                for bound in (*BOUNDS, float("inf")):
                    total += found[bound]
                    buckets.append((f"{bound:.6g}" if bound < float("inf") else "+Inf", total))
                latency.add_metric(key, buckets, self._sums[key])
        yield requests
        yield latency

    def expose(self) -> bytes:
        return generate_latest(self._registry)
