"""The types of training entries."""

from __future__ import annotations

import re
from typing import Annotated

from stacks.language.model import Rule, shown
from stacks.language.types import text_of

_RAY_VERSION = re.compile(r"[0-9]{1,2}\.[0-9]{1,3}\.[0-9]{1,3}")
# The first whose nodes answer on one path whether they are well; before, images need wget for that.
_FIRST_RAY = (2, 53)


def check_ray_version(value: object) -> str:
    """Ray's version, by which KubeRay chooses how to ask a pod whether it is well."""
    text = text_of(value, "a version")
    if not _RAY_VERSION.fullmatch(text):
        raise ValueError(f"{shown(value)} is not a version of Ray; write three numbers, such as 2.60.0")
    if tuple(map(int, text.split(".")[:2])) < _FIRST_RAY:
        raise ValueError(f"{shown(value)} is older than 2.53.0; build the image with a newer Ray")
    return text


RayVersion = Annotated[str, Rule("version of Ray", check_ray_version, "three numbers from 2.53.0 on: `2.60.0`")]
