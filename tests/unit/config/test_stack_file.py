"""The reader of stack files: lines, plain scalars as the Pulumi CLI reads them, and files that are none."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from stacks.language.stack_file import parse_stack_file, read_stack_file


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-7", -7),
        ("+7", 7),
        ("0", 0),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("9" * 25, 1e25),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        # YAML 1.1 would make booleans and a number of these, go-yaml does not.
        ("yes", "yes"),
        ("on", "on"),
        ("12:30:45", "12:30:45"),
        ("v1", "v1"),
        ("0abc123", "0abc123"),
        ("1e999", "1e999"),
        ('"1"', "1"),
        ("'true'", "true"),
        ("|-\n  1", "1"),
    ],
)
def test_scalars(text: str, value: Any):
    file = parse_stack_file(f"a: {text}\n")
    assert file.faults == ()
    assert file.value == {"a": value}
    assert type(file.value["a"]) is type(value)


@pytest.mark.parametrize("text", ["010", "0x1F", "0o7", "0b1", "1_000", ".inf", "-.Inf", ".nan"])
def test_numbers_that_readers_disagree_about(text: str):
    (fault,) = parse_stack_file(f"a: {text}\n").faults
    assert "in a form of its own" in fault.message
    assert (fault.path, fault.line) == (("a",), 1)


def test_lines_of_keys_and_entries():
    file = parse_stack_file("a:\n  - b: 1\n    c:\n      d: 2\n  - {e: 3,\n     f: 4}\n")
    assert file.value == {"a": [{"b": 1, "c": {"d": 2}}, {"e": 3, "f": 4}]}
    paths = {("a",): 1, ("a", 0): 2, ("a", 0, "c"): 3, ("a", 0, "c", "d"): 4, ("a", 1): 5, ("a", 1, "f"): 6}
    assert {path: file.line_of(path) for path in paths} == paths


def test_a_missing_key_is_on_the_line_of_what_should_hold_it():
    file = parse_stack_file("x: 1\na:\n  - b: 1\n")
    assert file.line_of(("a", 0, "c", "d")) == 3
    assert file.line_of(("unknown",)) is None


def test_of_a_repeated_key_the_first_value_counts():
    file = parse_stack_file("a:\n  b: 1\na:\n  b: 2\n  c: 3\n")
    assert file.value == {"a": {"b": 1}}
    (fault,) = file.faults
    assert (fault.path, fault.line) == (("a",), 3)
    assert "the first is in line 1" in fault.message


def message(path: Path) -> str:
    file = read_stack_file(path)
    assert not file.readable
    (fault,) = file.faults
    return fault.message


def test_files_that_cannot_be_read(tmp_path: Path):
    assert "there is no such file" in message(tmp_path / "none.yaml")
    assert "is not a file" in message(tmp_path)
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * (1024 * 1024 + 1))
    assert "is larger than 1 MiB" in message(large)
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)
    assert "is not a file" in message(pipe)


def test_a_file_with_a_byte_order_mark(tmp_path: Path):
    path = tmp_path / "Pulumi.bom.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read_stack_file(path).value == {"a": 1}


def test_an_empty_file_has_no_value():
    file = parse_stack_file("")
    assert file.readable
    assert file.value is None
