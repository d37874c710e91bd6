"""What an error of AWS says: its code, and one line for a person. Needs nothing but botocore."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError


def failure_code(error: ClientError) -> str:
    """The code of an error that AWS answered with; empty when there is none."""
    return str(error.response.get("Error", {}).get("Code", ""))


def explain(error: BotoCoreError | ClientError, region: str) -> str:
    """One line about why AWS did not answer, and what to do."""
    if isinstance(error, NoCredentialsError):
        return "no AWS credentials: log in (`aws sso login`), or set AWS_PROFILE"
    if isinstance(error, ClientError):
        action = f"{error.operation_name} was refused ({failure_code(error)})"
        return f"{action}: log in again, or allow the action to the role"
    return f"AWS in {region} cannot be reached ({error}): check the network, the proxy and the region"
