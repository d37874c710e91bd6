"""What Prometheus reads. One process serves, so the registry in its memory has everything."""

from collections.abc import Callable
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder

from .model import Model

# Seconds. A prediction takes about 1 ms, an objective is typically 50 to 250 ms: dense there, sparse above.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """The metrics of one server."""

    def __init__(self) -> None:
        # A second series of each counter, with its creation time, which no dashboard of ours reads.
        disable_created_metrics()
        self._registry = registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        self._requests = Counter(
            "predictor_requests", "Requests answered.", ["route", "method", "status"], registry=registry
        )
        self._duration = Histogram(
            "predictor_request_duration_seconds",
            "Time from the start of a request's handling to its response.",
            ["route"],
            buckets=BUCKETS,
            registry=registry,
        )
        self.in_flight = Gauge("predictor_requests_in_flight", "Requests being handled.", registry=registry)
        self.samples = Counter("predictor_samples", "Samples predicted.", registry=registry)
        self._ready = Gauge(
            "predictor_ready", "1 while the model is loaded and the server does not drain.", registry=registry
        )
        self._model_info = Gauge(
            "predictor_model_info",
            "The model served; always 1.",
            ["name", "version", "framework"],
            registry=registry,
        )
        self._load_seconds = Gauge(
            "predictor_model_load_seconds", "Time to read, check and warm up the model.", registry=registry
        )

    def observe_request(self, *, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request. `route` is a URL rule, never the client's URL: labels must stay few."""
        self._requests.labels(route, method if method in _METHODS else "other", str(status)).inc()
        self._duration.labels(route).observe(seconds)

    def observe_model(self, model: Model) -> None:
        """Show which model is loaded."""
        self._model_info.labels(model.name, model.version, model.framework).set(1)
        self._load_seconds.set(model.load_seconds)

    def watch_ready(self, ready: Callable[[], bool]) -> None:
        """Ask `ready` at each scrape."""
        self._ready.set_function(lambda: float(ready()))

    def expose(self, accept: str) -> tuple[bytes, str]:
        """The metrics and their content type, in the exposition format that an Accept header asks for."""
        encoder: Any
        encoder, content_type = choose_encoder(accept)
        return encoder(self._registry), content_type
