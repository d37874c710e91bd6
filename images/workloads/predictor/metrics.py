"""What Prometheus reads of a predictor."""

from collections.abc import Callable

from prometheus_client import Counter, Gauge

from ..web.requests import RequestMetrics
from .model import Model


class Metrics(RequestMetrics):
    """The metrics of one server."""

    def __init__(self) -> None:
        super().__init__("predictor")
        self.samples = Counter("predictor_samples", "Samples predicted.", registry=self.registry)
        self._ready = Gauge(
            "predictor_ready", "1 while the model is loaded and the server does not drain.", registry=self.registry
        )
        self._model_info = Gauge(
            "predictor_model_info",
            "The model served; always 1.",
            ["name", "version", "framework"],
            registry=self.registry,
        )
        self._load_seconds = Gauge(
            "predictor_model_load_seconds", "Time to read, check and warm up the model.", registry=self.registry
        )

    def observe_model(self, model: Model) -> None:
        """Show which model is loaded."""
        self._model_info.labels(model.name, model.version, model.framework).set(1)
        self._load_seconds.set(model.load_seconds)

    def watch_ready(self, ready: Callable[[], bool]) -> None:
        """Ask `ready` at each scrape."""
        self._ready.set_function(lambda: float(ready()))
