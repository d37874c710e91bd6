"""What every config model and every annotated type of the stack config is made of."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, Strict, model_validator
from pydantic.alias_generators import to_camel, to_snake
from pydantic_core import CoreSchema, core_schema

from stacks.language.faults import Fault, Finding, FindingsError, Path
from stacks.language.paths import keys_of

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

    @model_validator(mode="after")
    def _keeps_its_rules(self) -> Self:
        found = [Finding(fault, reads) for check, reads in _rules(type(self)) for fault in check(self)]
        if found:
            raise FindingsError(found)
        return self


R = TypeVar("R", bound=Callable[[Any], Iterable[Fault]])


def rule(*reads: str) -> Callable[[R], R]:
    """Marks a method of a model as a rule over several of its keys. Its faults have paths from the model.

    reads: the keys whose own faults could be the only reason of this one (`stacks.language.paths`). What makes a fault
    by being there is none of them: a second key that does not go together with a first one.
    """

    def mark(method: R) -> R:
        setattr(method, _READS, tuple(map(keys_of, reads)))
        return method

    return mark


_READS = "reads"


@cache
def _rules(model: type[ConfigModel]) -> list[tuple[Callable[[Any], Iterable[Fault]], tuple[Path, ...]]]:
    """The rules of a model, those of its bases first."""
    attributes = {name: value for one in reversed(model.__mro__) for name, value in vars(one).items()}
    return [(value, reads) for value in attributes.values() if (reads := getattr(value, _READS, None)) is not None]


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


def unique_names(*keys: str) -> Callable[[Any], Iterator[Fault]]:
    """The rule that no two entries of a list share a name, of each of a model's lists at `keys`."""

    @rule()
    def check(model: Any) -> Iterator[Fault]:
        for key in keys:
            seen: set[str] = set()
            for index, entry in enumerate(getattr(model, to_snake(key))):
                if entry.name in seen:
                    message = f"{shown(entry.name)} is the name of an earlier entry of {key} too; choose another"
                    yield Fault(path=(key, index, "name"), message=message)
                seen.add(entry.name)

    return check
