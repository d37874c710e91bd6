"""What every config model and every annotated type of the stack config is made of."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, Strict, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, core_schema

from stacks.language.faults import Fault, FaultsError

T = TypeVar("T")


class ConfigModel(BaseModel):
    """Base of every model: camelCase keys, no unknown ones, no silent conversion of types, immutable."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        alias_generator=to_camel,
        serialize_by_alias=True,
        hide_input_in_errors=True,
    )

    def faults(self) -> Iterator[Fault]:
        """The faults of this model as a whole, for rules about several keys."""
        yield from ()

    def installs(self, cluster: str) -> Iterable[str]:
        """The names of the catalog's entries that this part of the config has installed.

        `cluster` is the kind of the cluster, as in `cluster.kind`.
        """
        del cluster
        return ()

    @model_validator(mode="after")
    def _has_no_faults(self) -> Self:
        if faults := tuple(self.faults()):
            raise FaultsError(faults)
        return self


# YAML has lists and the models keep tuples, which strict mode would not convert.
Many = Annotated[tuple[T, ...], Strict(False)]


@dataclass(frozen=True)
class Rule:
    """A check that runs before pydantic's own, the name of the type, and for the reference what to write."""

    label: str
    check: Callable[[Any], Any]
    written: str = ""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.check, handler(source))


def shown(value: object) -> str:
    """A value as the file would say it, short enough for one line of an error."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "…"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """ "; did you mean …?" when a known word is close to `word`, else nothing."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return f"; did you mean {by_lower[close[0]]!r}?" if close else ""
