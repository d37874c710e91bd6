"""Generated pages are as the generator writes them; the page of the outputs has what the program returns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints, is_typeddict

import pytest

from ops.pages import PAGES
from stacks import outputs
from stacks.clouds.aws.outputs import AwsOutputs
from tests.unit.docs.documents import DOCS, ROOT, text_of


@pytest.mark.parametrize("path", PAGES)
def test_the_committed_page_is_current(path: str) -> None:
    assert (ROOT / path).read_text() == PAGES[path](), "run: python -m ops.pages"


def keys(shape: Any, prefix: str = "") -> Iterator[str]:
    """The paths of a TypedDict's keys and of those below it, as the page writes them."""
    for key, hint in get_type_hints(shape).items():
        path, inner = f"{prefix}{key}", _not_none(hint)
        if get_origin(inner) is dict:
            path, inner = f"{path}.<name>", _not_none(get_args(inner)[1])
        if is_typeddict(inner):
            yield from keys(inner, f"{path}.")
        else:
            yield path


def _not_none(hint: Any) -> Any:
    if get_origin(hint) in (Union, UnionType):
        return next(one for one in get_args(hint) if one is not NoneType)
    return hint


def test_the_page_of_the_outputs_has_them_all() -> None:
    page = text_of(DOCS / "reference" / "outputs.md")
    listed = re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE)
    made = {*keys(outputs.StackOutputs), *keys(AwsOutputs, "aws."), *keys(outputs.TeamStackOutputs)}
    assert len(listed) == len(set(listed))
    assert set(listed) == made
