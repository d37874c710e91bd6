"""How the engines start PyTorch: the processes of a pod, and this process's place among all of them."""

# torch is in the image, not in the development environment.
# pyright: reportMissingImports=false

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from ..common.environment import UsageError

_MODULE = "workloads.torch_trainer"


@dataclass(frozen=True, kw_only=True)
class Group:
    """This process among all of the training.

    `rank`: its number, from 0; the first one writes checkpoints and the model. `size`: how many there are, 1 for a
    training without others. `timeout`: how long to wait for the others.
    """

    rank: int
    size: int
    timeout: timedelta


def wants_launcher(environ: Mapping[str, str]) -> bool:
    """Whether torchrun has to start the processes: several in this pod, or as many as there are at the moment."""
    if "TORCHELASTIC_RUN_ID" in environ:
        return False
    return "PET_RDZV_ENDPOINT" in environ or ("PET_MASTER_ADDR" in environ and not _is_alone(environ))


def _is_alone(environ: Mapping[str, str]) -> bool:
    return environ.get("PET_NPROC_PER_NODE") == "1"


def of_pod(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of a process that is alone in its pod, from those that torchrun would read."""
    if "PET_MASTER_ADDR" not in environ or "RANK" in environ or not _is_alone(environ):
        return {}
    names = {"MASTER_ADDR": "MASTER_ADDR", "MASTER_PORT": "MASTER_PORT", "NNODES": "WORLD_SIZE", "NODE_RANK": "RANK"}
    return {ours: environ[f"PET_{theirs}"] for theirs, ours in names.items() if f"PET_{theirs}" in environ}


def launch(argv: Sequence[str]) -> int:
    """Start the processes of this pod with torchrun, which reads PET_* itself; the exit code of the first to fail.

    torchrun's own command ends with 1 whatever the code was, and the platform must tell codes apart.
    """
    # Here, since it takes a while and not every training needs it.
    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    try:
        run.run(run.parse_args(["--module", _MODULE, *argv]))
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        print(f"torch-trainer: the process of rank {rank} ended with {failure.exitcode}", file=sys.stderr, flush=True)
        # Of a process that a signal ended, torch notes the negative number.
        return failure.exitcode if failure.exitcode > 0 else 128 - failure.exitcode
    return 0


def group(environ: Mapping[str, str], *, peer_seconds: float) -> Group:
    """This process's place, from RANK and WORLD_SIZE; alone without them. Raises UsageError."""
    size = _number(environ, "WORLD_SIZE", "1")
    rank = _number(environ, "RANK", "0")
    if size < 1 or rank >= size:
        raise UsageError(f"RANK is {rank} and WORLD_SIZE {size}: a rank is from 0 to one less than the size")
    missing = [key for key in ("MASTER_ADDR", "MASTER_PORT", "RANK") if key not in environ]
    if size > 1 and missing:
        raise UsageError(
            f"{missing[0]} is not set: with WORLD_SIZE {size}, each process needs the address of the first"
        )
    return Group(rank=rank, size=size, timeout=timedelta(seconds=peer_seconds))


def _number(environ: Mapping[str, str], key: str, default: str) -> int:
    value = environ.get(key, default)
    if not value.isdecimal():
        raise UsageError(f"{key} is {value!r}: it must be a whole number")
    return int(value)
