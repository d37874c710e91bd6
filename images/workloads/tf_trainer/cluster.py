"""This process among those of a TFJob, which are in TF_CONFIG: https://www.tensorflow.org/guide/distributed_training"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..common.environment import UsageError

TASKS = ("chief", "worker", "ps", "evaluator")


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """The processes that train together, and which one this is.

    `addresses`: `host:port` of each, by task; evaluators have none, since they only look on. Empty for a training
    without others.
    """

    addresses: Mapping[str, Sequence[str]]
    task: str
    index: int

    @property
    def has_servers(self) -> bool:
        """Whether parameter servers hold the weights; otherwise each process has all of them."""
        return bool(self.addresses.get("ps"))

    @property
    def trainers(self) -> list[str]:
        """Addresses of the processes that compute gradients, the first one first."""
        tasks = ("worker",) if self.has_servers else ("chief", "worker")
        return [address for task in tasks for address in self.addresses.get(task, ())]

    @property
    def number(self) -> int:
        """The place of this process among the trainers; the first one writes checkpoints and the model."""
        return self.index + len(self.addresses.get("chief", ())) if self.task == "worker" else self.index


ALONE = Cluster(addresses={}, task="worker", index=0)


def cluster(environ: Mapping[str, str]) -> Cluster:
    """The cluster of TF_CONFIG; without it, a training without others. Raises UsageError."""
    text = environ.get("TF_CONFIG", "")
    if not text:
        return ALONE
    try:
        config = json.loads(text)
        addresses = {task: _addresses(found) for task, found in config["cluster"].items() if found}
        task, index = config["task"]["type"], config["task"]["index"]
        own = addresses[task][index]
    except (ValueError, LookupError, TypeError, AttributeError):
        raise UsageError(
            f"TF_CONFIG is {text!r}: it must be JSON with the addresses of a cluster and this process's task in it"
        ) from None
    _check(addresses, task, own)
    return Cluster(
        addresses={task: found for task, found in addresses.items() if task != "evaluator"}, task=task, index=index
    )


def _addresses(found: Any) -> list[str]:
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise TypeError
    return found


def _check(addresses: Mapping[str, Sequence[str]], task: str, own: str) -> None:
    unknown = [name for name in addresses if name not in TASKS]
    if unknown:
        raise UsageError(f"TF_CONFIG has the task {unknown[0]!r}: those of this program are {', '.join(TASKS)}")
    if not own.rpartition(":")[2].isdecimal():
        raise UsageError(f"TF_CONFIG has {own!r} for this process, a {task}: it must be host:port")
    if addresses.get("ps") and not (addresses.get("chief") and addresses.get("worker")):
        raise UsageError(
            "TF_CONFIG has parameter servers without a chief and a worker: a chief gives out the work, workers do it"
        )
