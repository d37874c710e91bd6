"""Requests that come at the same time, answered by the model together."""

import queue
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import numpy as np

Tensors = Mapping[str, Any]
Run = Callable[[Tensors], Tensors]


@dataclass(frozen=True, kw_only=True)
class Batching:
    """Requests at the same time are answered together: `size` rows at most, after `seconds` of waiting at most."""

    size: int = 1000
    seconds: float = 0.0


@dataclass(frozen=True)
class _Request:
    inputs: Tensors
    rows: int
    answer: "Future[Tensors]" = field(default_factory=lambda: Future())


class Batcher:
    """Runs a function of arrays on the rows of several requests at once."""

    def __init__(self, run: Run, batching: Batching) -> None:
        self._run = run
        self._batching = batching
        self._waiting: queue.Queue[_Request] = queue.Queue()
        # What did not fit into the batch before.
        self._next: _Request | None = None
        threading.Thread(target=self._work, name="batcher", daemon=True).start()

    def __call__(self, inputs: Tensors) -> Tensors:
        """The outputs of one request; raises what the function raises for it."""
        rows = {array.shape[0] for array in inputs.values() if array.ndim}
        # Nothing to join it by, or too large already: TensorFlow Serving would refuse the latter, this does not.
        if len(rows) != 1 or max(rows) >= self._batching.size:
            return self._run(inputs)
        request = _Request(inputs, rows.pop())
        self._waiting.put(request)
        return request.answer.result()

    def _work(self) -> None:
        while True:
            self._answer(self._batch())

    def _batch(self) -> list[_Request]:
        first = self._next or self._waiting.get()
        self._next, batch, rows = None, [first], first.rows
        until = monotonic() + self._batching.seconds
        while rows < self._batching.size:
            try:
                request = self._waiting.get(timeout=max(until - monotonic(), 0))
            except queue.Empty:
                break
            if rows + request.rows > self._batching.size or not _alike(first, request):
                self._next = request
                break
            batch.append(request)
            rows += request.rows
        return batch

    def _answer(self, batch: list[_Request]) -> None:
        try:
            joined = {name: np.concatenate([one.inputs[name] for one in batch]) for name in batch[0].inputs}
            outputs = self._run(joined)
        except Exception as error:  # noqa: BLE001  who asked gets it
            if len(batch) > 1:
                # One of them may be wrong, and the others are not to answer for it.
                for request in batch:
                    self._answer([request])
                return
            batch[0].answer.set_exception(error)
            return
        start = 0
        for request in batch:
            end = start + request.rows
            request.answer.set_result({name: array[start:end] for name, array in outputs.items()})
            start = end


def _alike(one: _Request, other: _Request) -> bool:
    """Whether the rows of two requests go into one array."""
    return one.inputs.keys() == other.inputs.keys() and all(
        one.inputs[name].shape[1:] == other.inputs[name].shape[1:] for name in one.inputs
    )
