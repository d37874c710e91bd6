"""How people work on a stack on AWS."""

from __future__ import annotations

from stacks.clouds.login import CloudLogin


def login(*, region: str | None) -> CloudLogin:
    return CloudLogin(
        cloud="AWS",
        guide="docs/aws.md",
        credentials=("ops.aws.credentials", *(("--region", region) if region else ())),
        plugins=("aws", "kubernetes"),
    )
