"""The annotated types of what containers have and ask for."""

from __future__ import annotations

import re
from typing import Annotated

from components.gpu_resources import is_mig_profile
from stacks.language.model import Rule, shown
from stacks.language.types import text_of

_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check_env_name(value: object) -> str:
    text = text_of(value, "a variable's name")
    if not _ENV_NAME.fullmatch(text):
        raise ValueError(f"{shown(value)} is not a variable's name; write letters, digits and '_', no digit first")
    return text


def check_folder(value: object) -> str:
    text = text_of(value, "a folder")
    if not re.fullmatch(r"(?:/[A-Za-z0-9._-]+)+", text) or "/.." in text or "/./" in text:
        raise ValueError(f'{shown(value)} is not a folder; write an absolute path, such as "/secrets/db"')
    return text


def check_mig_profile(value: object) -> str:
    text = text_of(value, "a MIG profile")
    if not is_mig_profile(text):
        raise ValueError(f'{shown(value)} is not a MIG profile; write slices and memory, such as "1g.5gb"')
    return text


EnvName = Annotated[str, Rule("variable name", check_env_name, "letters, digits and `_`, no digit first")]
FolderPath = Annotated[str, Rule("folder", check_folder, "an absolute path without `.` and `..`: `/secrets/db`")]
MigProfile = Annotated[str, Rule("MIG profile", check_mig_profile, "slices and memory of a partition: `1g.5gb`")]
