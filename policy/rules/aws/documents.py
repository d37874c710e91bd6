"""IAM policy documents."""

from __future__ import annotations

import json
from typing import Any, cast

from policy.graph.values import each, get


def statements(document: object) -> list[dict[str, Any]]:
    """The statements of an IAM policy document, given as JSON text or as a mapping; none if it is unknown.

    Raises ValueError with the reason for text that is no JSON object: AWS would refuse it too.
    """
    if isinstance(document, str):
        document = json.loads(document)
        if not isinstance(document, dict):
            raise ValueError(f"a policy document must be a JSON object, not {type(document).__name__}")
    found = each(get(document, "Statement"))
    return [cast("dict[str, Any]", statement) for statement in found if isinstance(statement, dict)]
