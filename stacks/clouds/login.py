"""What a stack in a cloud needs of whoever works on it: their own login, and Pulumi's plugins."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class CloudLogin:
    """A cloud to which people deploy with a login of their own.

    `cloud` is its name, `guide` the page about it. `credentials`: the module, and its arguments, that shows whether the
    cloud accepts the login. `plugins`: Pulumi's providers of such a stack.
    """

    cloud: str
    guide: str
    credentials: tuple[str, ...]
    plugins: tuple[str, ...]
