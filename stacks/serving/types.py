"""The annotated types of a server."""

from __future__ import annotations

import re
from typing import Annotated

from stacks.language.model import Rule, shown
from stacks.language.types import text_of

# What `pulumi up` trained, or with the name of a Job what a schedule did.
_VERSION = re.compile(r"v[0-9a-f]{10}(?:-[a-z][-a-z0-9]{0,50}-[0-9]{8,10})?")


def check_version(value: object) -> str:
    text = text_of(value, "a model version")
    if not _VERSION.fullmatch(text):
        raise ValueError(f'{shown(value)} is not a model version; write "v" and ten hex digits, as the outputs show it')
    return text


def check_path(value: object) -> str:
    text = text_of(value, "a URL path")
    if not re.fullmatch(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*", text):
        raise ValueError(f'{shown(value)} is not a URL path; begin with "/", such as "/healthz"')
    return text


def check_amount(value: object) -> int | str:
    """A number of pods, or a share of them such as "25%"."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 10_000:
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{1,3}%", value) and int(value[:-1]) <= 100:
        return value
    raise ValueError(f'{shown(value)} is not a number of pods or a percentage; write 1, or "25%"')


ModelVersion = Annotated[
    str,
    Rule(
        "model version",
        check_version,
        "`v` and ten hex digits, as the stack outputs show it; of a retraining, its folder",
    ),
]
UrlPath = Annotated[str, Rule("URL path", check_path, "a path that begins with `/`")]
# The union is strict, so that no "1" becomes 1.
Amount = Annotated[int | str, Rule("number or percentage", check_amount, "`1`, or `25%`")]
