"""Whether AWS accepts the credentials at hand: `python -m ops.aws.credentials --region eu-west-1`."""

from __future__ import annotations

import sys

import boto3
import click
from botocore.exceptions import BotoCoreError, ClientError

from ops.aws.errors import explain

# Any region can answer who calls, when neither the stack nor the user names one.
ANY_REGION = "us-east-1"


@click.command()
@click.option("--region", help="Region to ask. The default is the one that the credentials are configured for.")
def main(region: str | None) -> None:
    """Exit with 0 when AWS accepts the credentials, otherwise with 1 and one line that says why not."""
    session = boto3.Session()
    region = region or session.region_name or ANY_REGION
    try:
        session.client("sts", region_name=region).get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        click.echo(" ".join(explain(error, region).split()), err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
