"""The `queue:` of a team: what its training owns, borrows and lends. The words are Kueue's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from stacks.language.model import ConfigModel, Rule, shown
from stacks.language.types import Cpu, Memory


def check_gpus(value: object) -> object:
    """A number of GPUs, or numbers by the name of the pool."""
    amounts = value if isinstance(value, dict) else {"": value}
    for amount in amounts.values():
        if not isinstance(amount, int) or isinstance(amount, bool) or not 0 <= amount <= 100_000:
            remedy = "write a whole number such as 8, or one for each pool: {a100: 8, h100: 0}"
            raise ValueError(f"{shown(amount)} is not a number of GPUs; {remedy}")
    return value


def check_weight(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.001 <= value <= 1000:
        raise ValueError(f"{shown(value)} is not a weight; write a number from 0.001 to 1000, such as 2")
    return float(value)


Gpus = Annotated[
    int | Mapping[str, int],
    Rule("GPUs of pools", check_gpus, "a number where there is one GPU pool, else by pool: `{a100: 8, h100: 4}`"),
]
Weight = Annotated[float, Rule("weight", check_weight, "a number from 0.001 to 1000; a default queue has 1")]


class Amounts(ConfigModel):
    """Amounts that a queue counts. GPUs are counted by pool, CPU and memory on all nodes together."""

    cpu: Cpu | None = Field(default=None, description="CPU.")
    memory: Memory | None = Field(default=None, description="Memory.")
    gpus: Gpus | None = Field(default=None, description="GPUs, of the one GPU pool or by pool.")


class Queue(ConfigModel):
    """What the team's training owns, may borrow and lends."""

    cpu: Cpu | None = Field(
        default=None, description="CPU that the team owns. Default: `quota` without the CPU of servers."
    )
    memory: Memory | None = Field(default=None, description="Memory that the team owns. Default: as for `cpu`.")
    gpus: Gpus | None = Field(
        default=None, description="GPUs that the team owns. Default: as for `cpu`; without a quota none."
    )
    borrowing_limit: Amounts = Field(
        default=Amounts(),
        description="Maximum that the team may borrow. Default: the rest of `quota`.",
    )
    lending_limit: Amounts = Field(
        default=Amounts(), description="Maximum that others may borrow of the team's idle quota. Default: all of it."
    )
    weight: Weight = Field(default=1.0, description="Share of idle resources, relative to the weights of other queues.")
