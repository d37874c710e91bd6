"""The annotated types of a team."""

from __future__ import annotations

from typing import Annotated

from components.namespaces import RESERVED
from stacks.language.model import Rule, shown
from stacks.language.types import DNS_LABEL, text_of


def check_namespace(value: object) -> str:
    text = text_of(value, "a namespace")
    if not DNS_LABEL.fullmatch(text) or len(text) > 63:
        rule = "write lower-case letters, digits and '-', at most 63 characters"
        raise ValueError(f"{shown(value)} is not a namespace; {rule}")
    if text in RESERVED or text.startswith("kube-"):
        reserved = ", ".join((*RESERVED, "kube-*"))
        raise ValueError(f"{shown(value)} is reserved ({reserved}); choose another namespace")
    return text


Namespace = Annotated[
    str,
    Rule(
        "namespace",
        check_namespace,
        "lower-case letters, digits and `-`, at most 63 characters; none of Kubernetes or the platform",
    ),
]
