"""The bill of a stack before and after a previewed change."""

from __future__ import annotations

from dataclasses import dataclass

from ops.aws import pricing as aws
from ops.bill import Estimate, Pricing
from ops.cost.estimate import estimate, list_items
from ops.preview.record import Preview

# The clouds with prices. A cloud is one entry here and a folder beside this one.
CLOUDS = (aws.find_pricing,)


@dataclass(frozen=True, kw_only=True)
class BillChange:
    """Two bills of a stack. `complete`: the record lists unchanged resources; `finished`: the preview did not fail."""

    stack: str
    before: Estimate
    after: Estimate
    pricing: Pricing | None
    complete: bool
    finished: bool

    @property
    def floor(self) -> float:
        return self.after.floor - self.before.floor

    @property
    def ceiling(self) -> float:
        return self.after.ceiling - self.before.ceiling

    @property
    def notes(self) -> list[str]:
        """What a reader must know before relying on the figures."""
        found = [self.pricing.note] if self.pricing else []
        if not self.finished:
            found.append("The preview failed: the sums lack what it did not reach.")
        if not self.complete:
            found.append("Unchanged resources are not in the record: the sums lack them. Record with --show-sames.")
        if self.after.unpriced:
            found.append(f"Not counted: {', '.join(self.after.unpriced)}.")
        found.append("Not counted anywhere: traffic between zones and out, support, tax; nor savings plans.")
        return found


def compare_bills(preview: Preview, region: str | None = None) -> BillChange:
    """The bills before and after a preview. The region is that of the stack's provider unless given."""
    before, after = list_items(preview, "before"), list_items(preview, "after")
    found = (find([*after, *before], region) for find in CLOUDS)
    pricing = next((one for one in found if one), None)
    return BillChange(
        stack=preview.stack,
        before=estimate(before, pricing),
        after=estimate(after, pricing),
        pricing=pricing,
        complete=preview.complete,
        # A policy that refuses makes the preview fail too, but its record lists the resources.
        finished=preview.failure is None or preview.refused,
    )


def dollars(amount: float) -> str:
    """Whole dollars with their sign before the symbol."""
    return f"{'-' if round(amount) < 0 else ''}${abs(round(amount)):,}"


def difference(amount: float) -> str:
    return "no change" if round(amount) == 0 else ("+" if amount > 0 else "") + dollars(amount)
