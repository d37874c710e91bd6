"""Whatever is done to the dev stack's file, the check gives a model or says what is wrong; it never breaks."""

from __future__ import annotations

import copy
import re
import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stacks.check import check_stack_file
from stacks.environment.config import Environment
from stacks.language.faults import ConfigError

DEV = (Path(__file__).parents[3] / "Pulumi.dev.yaml").read_text()
FAULT = re.compile(r"[^:]+\.yaml(:\d+)?: \S.*")

# Short texts of the letters that mean something in YAML, quantities, names and paths, and any other.
words = st.one_of(
    st.sampled_from(["", "1", "-1", "1e9", "5Gi", "0x10", "null", "yes", "2026-01-01", "local", "digits", "a: b", "%"]),
    st.text(alphabet="aA0-_./:@%{}[]&*!#|>'\"\\ \n\t\u00e9\u2028", max_size=12),
    st.text(max_size=5),
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), words),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=3)),
    max_leaves=6,
)


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The paths of all keys and entries within a value."""
    keys: list[Any] = (
        list(value) if isinstance(value, dict) else list(range(len(value)) if isinstance(value, list) else [])
    )
    return [found for key in keys for found in [(*path, key), *places(value[key], (*path, key))]]


PLACES = places(yaml.safe_load(DEV))


def outcome(text: str) -> Environment | list[str]:
    """The model, or the lines of the error."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "Pulumi.fuzz.yaml"
        path.write_bytes(text.encode("utf-8", errors="surrogatepass"))
        try:
            result = check_stack_file(path)
        except ConfigError as error:
            return str(error).split("\n")
    assert isinstance(result, Environment)
    return result


def assert_sound_or_explained(text: str) -> None:
    found = outcome(text)
    if isinstance(found, list):
        assert found
        for line in found:
            assert FAULT.fullmatch(line), found


@settings(max_examples=150, deadline=None)
@given(place=st.sampled_from(PLACES), action=st.sampled_from(["replace", "rename", "remove", "wrap"]), data=st.data())
def test_one_corrupted_key(place: tuple[str | int, ...], action: str, data: st.DataObject):
    document = copy.deepcopy(yaml.safe_load(DEV))
    holder = document
    for key in place[:-1]:
        holder = holder[key]
    key = place[-1]
    match action:
        case "replace":
            holder[key] = data.draw(values)
        case "rename" if isinstance(holder, dict):
            holder[data.draw(words)] = holder.pop(key)
        case "wrap":
            holder[key] = [holder[key]]
        case _:
            del holder[key]
    assert_sound_or_explained(yaml.safe_dump(document, allow_unicode=True))


@settings(max_examples=150, deadline=None)
@given(start=st.integers(0, len(DEV)), length=st.integers(0, 20), inserted=words)
@example(start=DEV.index("kind: local"), length=0, inserted="\ud800")
@example(start=len(DEV), length=0, inserted="\x00")
def test_damaged_text(start: int, length: int, inserted: str):
    assert_sound_or_explained(DEV[:start] + inserted + DEV[start + length :])


def test_the_same_file_gives_an_equal_model():
    assert outcome(DEV) == outcome(DEV)
    assert isinstance(outcome(DEV), Environment)
