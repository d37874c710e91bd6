"""Refreshing the price table, against canned answers of the price list API."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.stub import ANY, Stubber
from click.testing import CliRunner

from ops.aws import prices as command
from ops.aws.price_table import TABLE, document, load, refreshed_file
from ops.bill import PriceError

TODAY = date(2026, 11, 22)


def product(price: str, unit: str = "Hrs", begin: str = "0", **attributes: str) -> str:
    dimension = {"unit": unit, "beginRange": begin, "pricePerUnit": {"USD": price}}
    return json.dumps(
        {"product": {"attributes": attributes}, "terms": {"OnDemand": {"t": {"priceDimensions": {"d": dimension}}}}}
    )


@pytest.fixture
def client() -> Iterator[Any]:
    credentials = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
    made = boto3.client("pricing", region_name="us-east-1", **credentials)
    yield made
    made.close()


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return Path(shutil.copy(TABLE, tmp_path / "prices.yaml"))


def answer(stub: Stubber, service: str, *found: str) -> None:
    stub.add_response("get_products", {"PriceList": list(found)}, {"ServiceCode": service, "Filters": ANY})


def test_figures_come_from_the_price_list_and_the_rest_is_kept_and_named(client: Any, table: Path) -> None:
    lookups = document(table)["lookups"]
    with Stubber(client) as stub:
        # A second price of one type is a variant of it; a type that no pool may name is left out.
        answer(
            stub,
            "AmazonEC2",
            product("1.123", instanceType="g5.xlarge"),
            product("1.5", instanceType="g5.xlarge"),
            product("0", instanceType="g6.xlarge"),
            product("9", instanceType="u-24tb1.metal"),
        )
        for name, lookup in lookups.items():
            found = {
                # One price; of a tier, the first; two, which is ambiguous; the rest: none.
                "eks-cluster-hour": [product("0.11")],
                "s3-gb-month": [product("0.024", "GB-Mo"), product("0.02", "GB-Mo", begin="51200")],
                "kms-key-month": [product("1.1"), product("1.2")],
                # The same product is sold by the hour and by the gigabyte.
                "nat-gateway-hour": [product("0.048"), product("0.049", "GB")],
            }.get(name, [])
            answer(stub, lookup["service"], *found)
        answer(stub, "AmazonRDS", product("0.185", instanceType="db.m7g.large"))
        entry, kept = command.refreshed(client, "eu-west-1", TODAY, table)
        stub.assert_no_pending_responses()
    assert entry["instances"] == {"g5.xlarge": 1.123}
    assert entry["databases"] == {"db.m7g.large": 0.185}
    assert entry["services"]["eks-cluster-hour"] == 0.11
    assert entry["services"]["s3-gb-month"] == 0.024
    assert entry["services"]["nat-gateway-hour"] == 0.048
    assert entry["services"]["kms-key-month"] == load("us-east-1", table).services["kms-key-month"]
    assert "kms-key-month" in kept
    assert "eks-cluster-hour" not in kept
    assert entry["source"].startswith("AWS price list; kept from us-east-1, 2025-06-30: ")
    refreshed_file("eu-west-1", table).write_text(yaml.safe_dump(entry))
    fresh = load("eu-west-1", table)
    assert (fresh.region, fresh.dated, fresh.instance("g5.xlarge")) == ("eu-west-1", TODAY, 1.123)
    assert "The table has none of" not in fresh.note


def test_a_region_that_does_not_exist_writes_nothing(client: Any, table: Path) -> None:
    with Stubber(client) as stub:
        answer(stub, "AmazonEC2")
        for lookup in document(table)["lookups"].values():
            answer(stub, lookup["service"])
        with pytest.raises(LookupError, match="no instance types in mars-1"):
            command.refreshed(client, "mars-1", TODAY, table)


def test_without_credentials_it_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    result = CliRunner().invoke(command.main, ["--region", "eu-west-1"], env={"COLUMNS": "200"})
    assert result.exit_code == 1
    assert "nothing written: Unable to locate credentials" in result.stderr
    assert not refreshed_file("eu-west-1").exists()


def test_every_lookup_names_a_price_that_the_table_has() -> None:
    raw = document()
    for region, entry in raw["regions"].items():
        assert set(raw["lookups"]) <= set(entry["services"]), region


def test_a_table_without_the_fallback_says_so(tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text(yaml.safe_dump({"regions": {}, "assumptions": {}}))
    with pytest.raises(PriceError, match="regions has neither eu-west-1 nor us-east-1"):
        load("eu-west-1", path)
