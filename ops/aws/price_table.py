"""The dated price table of AWS: prices by region, and where the figures come from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from components.aws.compute import instance_types
from ops.bill import PriceError

TABLE = Path(__file__).parent / "prices.yaml"
FALLBACK_REGION = "us-east-1"


@dataclass(frozen=True, kw_only=True)
class Prices:
    """Prices of one region, US dollars. Instances and databases an hour, families an hour and vCPU.

    `wanted` is the region that was asked for; it differs from `region` when the table lacks it.
    """

    region: str
    wanted: str
    dated: date
    source: str
    instances: dict[str, float]
    families: dict[str, float]
    databases: dict[str, float]
    services: dict[str, float]
    assumptions: dict[str, float]

    @property
    def hours(self) -> float:
        return self.assumptions["hours-a-month"]

    def instance(self, name: str) -> float | None:
        """Dollars an hour of an instance type; None when the table has neither it nor its family."""
        if name in self.instances:
            return self.instances[name]
        family = self.families.get(name.partition(".")[0])
        if family is None or name not in instance_types.known():
            return None
        return family * instance_types.named(name).vcpus

    def service(self, name: str) -> float:
        """The price of a service, in the unit that its name says."""
        if name not in self.services:
            raise PriceError(f"{TABLE.name}: regions.{self.region}.services has no {name}; add it, or refresh")
        return self.services[name]

    @property
    def note(self) -> str:
        """Where the prices come from: stands under every figure made of them."""
        text = f"Prices of {self.region}, {self.dated.isoformat()}: {self.source}."
        if self.region != self.wanted:
            text += (
                f" The table has none of {self.wanted}, where prices may be higher: "
                f"python -m ops.aws.prices --region {self.wanted}"
            )
        return text


def document(path: Path = TABLE) -> dict[str, Any]:
    """The table as it is written: regions, assumptions, lookups."""
    return yaml.safe_load(path.read_text())


def refreshed_file(region: str, path: Path = TABLE) -> Path:
    """Where `python -m ops.aws.prices` writes a region: a file beside the table, so that its comments stay."""
    return path.with_name(f"{path.stem}.{region}.yaml")


def load(region: str, path: Path = TABLE) -> Prices:
    """The prices of a region: refreshed ones if there are any, then the table's, then those of the fallback region.

    `note` says which. Raises PriceError when there are none at all.
    """
    raw = document(path)
    regions: dict[str, Any] = raw["regions"]
    fresh = refreshed_file(region, path)
    if fresh.is_file():
        regions = {**regions, region: document(fresh)}
    found = region if region in regions else FALLBACK_REGION
    if found not in regions:
        raise PriceError(f"{path.name}: regions has neither {region} nor {FALLBACK_REGION}")
    entry = regions[found]
    return Prices(
        region=found,
        wanted=region,
        dated=entry["date"],
        source=entry["source"],
        instances=entry.get("instances", {}),
        families=entry.get("families", {}),
        databases=entry.get("databases", {}),
        services=entry["services"],
        assumptions=raw["assumptions"],
    )
