"""The stack files in the documentation are sound, and the messages of the checker are its own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from stacks.check import main as check
from tests.unit.docs.documents import DOCUMENTS, ROOT, Block, blocks_of

KINDS = ("stack: file", "stack: environment", "stack: environment on aws", "stack: team", "not a stack file")
# The names of encrypted values that examples use.
VALUES = ("hub-token", "ghcr-token", "aws-id", "aws-key", "vision-aws-id", "vision-aws-key")
ENVIRONMENT, SECRETS = "ml-platform:environment", "ml-platform:secrets"

EXAMPLE = Path(__file__).with_name("Pulumi.example.yaml")
YAML = [block for document in DOCUMENTS for block in blocks_of(document) if block.language == "yaml"]
STACKS = [block for block in YAML if block.mark.startswith("stack: ")]


def whole(block: Block) -> dict[str, Any]:
    """The stack file that a block is, or is a part of: the rest is Pulumi.example.yaml's, or that of staging."""
    part: dict[str, Any] = yaml.safe_load(block.text)
    if block.mark == "stack: file":
        return part
    base = ROOT / "Pulumi.staging.yaml" if block.mark.endswith("on aws") else EXAMPLE
    file: dict[str, Any] = yaml.safe_load(base.read_text())
    environment = file["config"][ENVIRONMENT]
    if block.mark == "stack: team":
        environment["teams"][0].update(part)
    else:
        environment.update(part)
    file["config"][SECRETS] = {name: {"secure": "AAABAAAAAAAA"} for name in VALUES}
    return file


@pytest.mark.parametrize("block", YAML, ids=lambda block: block.place)
def test_every_yaml_block_says_what_it_is(block: Block) -> None:
    assert block.mark in KINDS, f"put an HTML comment before it that says one of: {', '.join(KINDS)}"


@pytest.mark.parametrize("block", STACKS, ids=lambda block: block.place)
def test_every_stack_file_is_sound(block: Block, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "Pulumi.example.yaml"
    file.write_text(yaml.safe_dump(whole(block), sort_keys=False))
    code = check([str(file)])
    assert code == 0, capsys.readouterr().err


def test_a_part_that_is_wrong_is_found(tmp_path: Path) -> None:
    """The test above can fail."""
    block = Block(document=ROOT / "README.md", line=1, language="yaml", mark="stack: team", text="quotas: {cpu: 1}\n")
    file = tmp_path / "Pulumi.example.yaml"
    file.write_text(yaml.safe_dump(whole(block)))
    assert check([str(file)]) == 1


def test_the_message_of_a_mistake_is_the_checkers_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The documents show one mistake in Pulumi.dev.yaml: a server of a model that nobody trains."""
    text = (ROOT / "Pulumi.dev.yaml").read_text()
    wrong = re.sub(r"(image: predictor, model: )digits", r"\1digit", text)
    assert wrong != text
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text(wrong)
    assert check([str(file)]) == 1
    message = capsys.readouterr().err.strip()
    shown = [
        block.text.splitlines()[1]
        for document in DOCUMENTS
        for block in blocks_of(document)
        if block.text.startswith("$ .local/venv/bin/python -m stacks.check")
    ]
    assert shown
    assert set(shown) == {message}


PYTHON = [block for document in DOCUMENTS for block in blocks_of(document) if block.language == "python"]


@pytest.mark.parametrize("block", PYTHON, ids=lambda block: block.place)
def test_every_excerpt_is_in_its_file(block: Block) -> None:
    assert block.mark.startswith("from: "), "put <!-- from: path --> before it"
    name = block.mark.removeprefix("from: ")
    assert block.text.strip("\n") in (ROOT / name).read_text(), f"copy it from {name} again"


def test_there_are_excerpts() -> None:
    assert len(PYTHON) > 5
