"""Monthly budgets: what a team, or a whole environment, may cost before anybody is notified."""

from __future__ import annotations

import dataclasses

import pulumi
from pulumi_aws import budgets

from components.aws import tags

# Per cent of the limit, and whether it is money spent or AWS's forecast for the month.
ALERTS = ((50, "ACTUAL"), (80, "ACTUAL"), (100, "FORECASTED"), (100, "ACTUAL"))


@dataclasses.dataclass(frozen=True, kw_only=True)
class MonthlyBudgetArgs:
    """limit: US dollars a month. tag: the cost allocation tag (key, value) that selects what is counted."""

    budget: str
    limit: int
    tag: tuple[str, str]
    emails: tuple[str, ...]


class MonthlyBudget(pulumi.ComponentResource):
    """A limit in dollars and mails on the way to it. AWS stops nothing by itself: quotas and pool limits do."""

    def __init__(self, name: str, args: MonthlyBudgetArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mlplatform:aws:MonthlyBudget", name, None, opts)
        key, value = args.tag
        budgets.Budget(
            f"{name}-budget",
            name=args.budget,
            budget_type="COST",
            limit_amount=str(args.limit),
            limit_unit="USD",
            time_unit="MONTHLY",
            cost_filters=[{"name": "TagKeyValue", "values": [f"user:{key}${value}"]}],
            notifications=[
                {
                    "comparison_operator": "GREATER_THAN",
                    "threshold": threshold,
                    "threshold_type": "PERCENTAGE",
                    "notification_type": kind,
                    "subscriber_email_addresses": list(args.emails),
                }
                for threshold, kind in ALERTS
            ],
            tags={"Name": args.budget, **({tags.TEAM: value} if key == tags.TEAM else {})},
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})
