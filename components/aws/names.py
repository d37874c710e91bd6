"""Names of a team's things in AWS, which the stack config is checked against too: nothing of Pulumi is needed here."""

from __future__ import annotations


def secret_name(environment: str, team: str, secret: str) -> str:
    """Path of a team's secret; the team's roles may read what is below `<environment>/teams/<team>/`."""
    return f"{environment}/teams/{team}/{secret}"


def reader_role(cluster: str, team: str) -> str:
    """Name of the role by which External Secrets reads a team's entries. As long as that of the team's pods."""
    return f"{cluster}-read-{team}"
