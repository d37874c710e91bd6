"""The annotated types of batch inference."""

from __future__ import annotations

import re
from typing import Annotated

from stacks.language.model import Rule, shown
from stacks.language.types import text_of

_FOLDER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*")


def check_folder_below(value: object) -> str:
    text = text_of(value, "a folder")
    if not _FOLDER.fullmatch(text):
        raise ValueError(
            f'{shown(value)} is not a folder of a storage; write its path from the root, such as "incoming/today"'
        )
    return text


FolderBelow = Annotated[
    str, Rule("folder of a storage", check_folder_below, "a path from the root of the storage: `incoming/today`")
]
