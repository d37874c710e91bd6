"""Refresh the price table from the AWS price list: `python -m ops.aws.prices --region eu-west-1`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import boto3
import click
import yaml
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from components.aws.compute import instance_types
from ops.aws.price_table import TABLE, document, load, refreshed_file

# The price list is served in few regions, for all of them.
API_REGION = "us-east-1"
INSTANCES = {
    "operatingSystem": "Linux",
    "preInstalledSw": "NA",
    "tenancy": "Shared",
    "capacitystatus": "Used",
    "marketoption": "OnDemand",
}
DATABASES = {"databaseEngine": "PostgreSQL", "deploymentOption": "Single-AZ", "productFamily": "Database Instance"}
HEADER = "# Written by `python -m ops.aws.prices`; do not edit. US dollars, on demand, before tax and discounts.\n"


def products(client: Any, service: str, attributes: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Products of a service whose attributes are all as given, as the API's JSON documents."""
    filters = [{"Type": "TERM_MATCH", "Field": key, "Value": value} for key, value in sorted(attributes.items())]
    for page in client.get_paginator("get_products").paginate(ServiceCode=service, Filters=filters):
        for text in page["PriceList"]:
            yield json.loads(text)


def prices_of(product: Mapping[str, Any], unit: str | None = None) -> Iterator[float]:
    """On-demand prices of a product in US dollars: of the first tier, and only in a unit if one is given."""
    for term in product.get("terms", {}).get("OnDemand", {}).values():
        for dimension in term["priceDimensions"].values():
            price = float(dimension["pricePerUnit"].get("USD", 0))
            first_tier = dimension.get("beginRange", "0") == "0"
            if price > 0 and first_tier and unit in (None, dimension.get("unit")):
                yield price


def by_instance(client: Any, service: str, region: str, attributes: Mapping[str, str]) -> dict[str, float]:
    """Price an hour by instance type. Several prices of one type: the lowest, the others are variants of it."""
    found: dict[str, float] = {}
    for product in products(client, service, {**attributes, "regionCode": region}):
        kind = product["product"]["attributes"]["instanceType"]
        for price in prices_of(product):
            found[kind] = min(price, found.get(kind, price))
    return dict(sorted(found.items()))


def one_price(client: Any, lookup: Mapping[str, Any], region: str) -> float | None:
    """The one price that a look-up finds in a region; None when there is none, or more than one."""
    wanted = {**lookup["attributes"], "regionCode": region}
    found = {
        price
        for product in products(client, lookup["service"], wanted)
        for price in prices_of(product, lookup.get("unit"))
    }
    return found.pop() if len(found) == 1 else None


def refreshed(client: Any, region: str, today: date, table: Path = TABLE) -> tuple[dict[str, Any], list[str]]:
    """A region's entry for the table, and the names of the service prices that had to be kept."""
    old, lookups = load(region, table), document(table)["lookups"]
    known = instance_types.known()
    instances = {k: v for k, v in by_instance(client, "AmazonEC2", region, INSTANCES).items() if k in known}
    if not instances:
        raise LookupError(f"the price list has no instance types in {region}: is that an AWS region?")
    answers = {name: one_price(client, lookup, region) for name, lookup in lookups.items()}
    services = {name: answers.get(name) or price for name, price in old.services.items()}
    kept = [name for name in services if not answers.get(name)]
    source = "AWS price list"
    if kept:
        source += f"; kept from {old.region}, {old.dated.isoformat()}: {', '.join(kept)}"
    databases = by_instance(client, "AmazonRDS", region, DATABASES)
    entry = {
        "date": today,
        "source": source,
        "instances": instances,
        "databases": databases or old.databases,
        "services": services,
    }
    return entry, kept


@click.command()
@click.option("--region", required=True, help="AWS region whose prices to fetch, such as eu-west-1.")
def main(region: str) -> None:
    """Fetch a region's prices from the AWS price list into ops/aws/prices.<region>.yaml."""
    console = Console(stderr=True)
    try:
        client = boto3.client("pricing", region_name=API_REGION)
        with console.status(f"asking the price list for {region}"):
            entry, kept = refreshed(client, region, datetime.now(UTC).date())
    except (BotoCoreError, ClientError, LookupError) as error:
        console.print(f"prices: nothing written: {error}. Needed: credentials with pricing:GetProducts.", markup=False)
        sys.exit(1)
    path = refreshed_file(region)
    path.write_text(HEADER + yaml.safe_dump(entry, sort_keys=False))
    console.print(f"{path.name}: {len(entry['instances'])} instance types, {len(entry['databases'])} databases")
    if kept:
        console.print(f"kept, since the look-up did not find exactly one price: {', '.join(kept)}", markup=False)


if __name__ == "__main__":
    main()
