"""The annotated types of a team."""

from __future__ import annotations

import re
from typing import Annotated

from components.namespaces import RESERVED
from stacks.language.model import Rule, shown
from stacks.language.types import DNS_LABEL, text_of

_GROUP = re.compile(r"[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?")


def check_namespace(value: object) -> str:
    text = text_of(value, "a namespace")
    if not DNS_LABEL.fullmatch(text) or len(text) > 63:
        rule = "write lower-case letters, digits and '-', at most 63 characters"
        raise ValueError(f"{shown(value)} is not a namespace; {rule}")
    if text in RESERVED or text.startswith("kube-"):
        reserved = ", ".join((*RESERVED, "kube-*"))
        raise ValueError(f"{shown(value)} is reserved ({reserved}); choose another namespace")
    return text


def check_group(value: object) -> str:
    text = text_of(value, "a group")
    if not _GROUP.fullmatch(text) or len(text) > 253:
        raise ValueError(f"{shown(value)} is not a group; write its name as the identity provider spells it")
    if text.startswith("system:"):
        # system:masters would make members administrators, system:authenticated would let everybody in.
        raise ValueError(f"{shown(value)} is a group of Kubernetes itself; name a group of your identity provider")
    return text


Namespace = Annotated[
    str,
    Rule(
        "namespace",
        check_namespace,
        "lower-case letters, digits and `-`, at most 63 characters; none of Kubernetes or the platform",
    ),
]
Group = Annotated[
    str, Rule("group", check_group, "a group as the identity provider spells it; none that begins with `system:`")
]
