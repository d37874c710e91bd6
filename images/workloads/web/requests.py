"""Metrics of a server's requests, as Prometheus reads them. One process serves, so its memory has everything."""

import time
from typing import Any

from flask import Flask, Response, g, request
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

# Seconds. A prediction takes about 1 ms, an objective is typically 50 to 250 ms: dense there, sparse above.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestMetrics:
    """The metrics of one server; their names begin with `prefix`. Others are added to `registry`."""

    def __init__(self, prefix: str) -> None:
        # A second series of each counter, with its creation time, which no dashboard of ours reads.
        disable_created_metrics()
        self.registry = registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        self._requests = Counter(
            f"{prefix}_requests", "Requests answered.", ["route", "method", "status"], registry=registry
        )
        self._duration = Histogram(
            f"{prefix}_request_duration_seconds",
            "Time from the start of a request's handling to its response.",
            ["route"],
            buckets=BUCKETS,
            registry=registry,
        )
        self.in_flight = Gauge(f"{prefix}_requests_in_flight", "Requests being handled.", registry=registry)

    def observe_request(self, *, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request. `route` is a URL rule, never the client's URL: labels must stay few."""
        self._requests.labels(route, method if method in _METHODS else "other", str(status)).inc()
        self._duration.labels(route).observe(seconds)

    def expose(self, accept: str) -> tuple[bytes, str]:
        """The metrics and their content type, in the exposition format that an Accept header asks for."""
        encoder: Any
        encoder, content_type = choose_encoder(accept)
        return encoder(self.registry), content_type

    def observe(self, app: Flask) -> None:
        """Count the requests of an application, and offer the metrics at `/metrics`."""

        @app.before_request
        def begin() -> None:
            g.started = time.perf_counter()
            self.in_flight.inc()

        @app.after_request
        def count(response: Response) -> Response:
            self.observe_request(
                route=request.url_rule.rule if request.url_rule else "unmatched",
                method=request.method,
                status=response.status_code,
                seconds=time.perf_counter() - g.started,
            )
            return response

        @app.teardown_request
        def end(_error: BaseException | None) -> None:
            self.in_flight.dec()

        @app.get("/metrics")
        def exposition() -> Response:
            body, content_type = self.expose(request.headers.get("Accept", ""))
            return Response(body, content_type=content_type)
