"""The `route:` of a server: where clients outside the cluster find it."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from stacks.language.model import ConfigModel, Rule, shown
from stacks.serving.types import check_path

_HOST = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)+")


def check_host(value: object) -> str:
    """A full DNS name, without a wildcard, a port or an address."""
    remedy = 'write a full DNS name in lower case, such as "vision.models.example.org"'
    if not isinstance(value, str) or not _HOST.fullmatch(value) or len(value) > 253:
        raise ValueError(f"{shown(value)} is not a host name; {remedy}")
    if re.fullmatch(r"[0-9.]+", value):
        raise ValueError(f"{shown(value)} is an address; {remedy}")
    return value


def check_route_path(value: object) -> str:
    """A path prefix as the Gateway API takes it; "/digits/" and "/digits" are the same, so the latter is kept."""
    text = check_path(value)
    if "//" in text or "%" in text or any(part in (".", "..") for part in text.split("/")):
        raise ValueError(f'{shown(value)} has "//", "." or "%" parts; write plain segments, such as "/models/digits"')
    return text.rstrip("/") or "/"


HostName = Annotated[str, Rule("host name", check_host, "a full DNS name in lower case: `vision.models.example.org`")]
RoutePath = Annotated[str, Rule("path prefix", check_route_path, "a path of plain segments: `/digits`, or `/`")]


class RouteConfig(ConfigModel):
    """Where clients outside the cluster find the server. `{}` is the team's host and the entry's name."""

    host: HostName | None = Field(default=None, description="Host name. Default: `<team>.<domain>`.")
    path: RoutePath | None = Field(default=None, description="Path prefix. Default: `/<name of the entry>`.")
    strip_path: bool = Field(
        default=True, description="Whether the prefix is removed from the path that the server receives."
    )
    timeout_seconds: int | None = Field(
        default=None, ge=1, le=3600, description="Timeout of requests in seconds. Default: the controller's."
    )
