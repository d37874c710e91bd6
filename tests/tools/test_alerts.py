"""Every alert fires when it should and is silent when it should, in Prometheus' own engine; every one has a runbook.

The cases are in `alerts/<group>.yaml`: series as they are scraped, a value a minute, when to look, and the labels that
the alert has then.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.monitoring.rules import ALERTS, GROUPS
from components.monitoring.rules.model import Alert, rule_group
from components.monitoring.rules.slo import Objectives, objective_rules
from components.serving.engines import DEPLOYMENT
from tests.tools import promtool

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CASES: dict[str, dict[str, dict[str, list[dict[str, Any]]]]] = {
    group.name: yaml.safe_load((HERE / "alerts" / f"{group.name}.yaml").read_text(encoding="utf-8")) for group in GROUPS
}
GROUP_OF = {rule.name: group.name for group in GROUPS for rule in group.rules if isinstance(rule, Alert)}
EXAMPLE = Objectives(availability=99.5, latency=0.25, latency_target=99)
DEMO = objective_rules(EXAMPLE, DEPLOYMENT, namespace="demo", service="digits")
RUNBOOKS = (ROOT / "docs" / "runbooks.md").read_text(encoding="utf-8")


def rules() -> dict[str, Any]:
    """All rules as Prometheus loads them, with those of the server demo/digits."""
    return {"groups": [rule_group(group) for group in (DEMO, *GROUPS)]}


def expected(alert: Alert, case: dict[str, Any]) -> list[dict[str, Any]]:
    """The one alert that the case makes, as a receiver would get it."""
    labels: dict[str, str] = case["labels"]
    return [
        {
            "exp_labels": {**labels, "severity": alert.severity},
            "exp_annotations": {"summary": alert.summary_for(labels), "runbook_url": alert.runbook()},
        }
    ]


def unit_test(alert: Alert, case: dict[str, Any], alerts: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "name": case["why"],
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in case["series"].items()],
        "alert_rule_test": [{"eval_time": case["after"], "alertname": alert.name, "exp_alerts": alerts}],
    }


def test_every_alert_has_cases_and_every_case_an_alert() -> None:
    assert {name for group in CASES.values() for name in group} == set(GROUP_OF)
    assert len(GROUP_OF) == len(ALERTS)
    for name, group in GROUP_OF.items():
        assert CASES[group][name]["fires"], name
        assert CASES[group][name]["silent"], name


@promtool.needed
def test_the_rules_are_sound(tmp_path: Path) -> None:
    done = promtool.run(
        "check", "rules", "--lint=all", "--lint-fatal", promtool.write(tmp_path / "rules.yaml", rules())
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What promtool says of each file of cases. One call for all, each with the rules of its group only: most of the
    time of promtool goes into its start and into rules that a case does not need.
    """
    folder = tmp_path_factory.mktemp("alerts")
    files: list[Path] = []
    for group in GROUPS:
        server = [DEMO] if group.name == "serving" else []
        promtool.write(folder / f"rules-{group.name}.yaml", {"groups": [rule_group(one) for one in (*server, group)]})
    for alert in ALERTS:
        for kind in ("fires", "silent"):
            content: dict[str, Any] = {
                "rule_files": [f"rules-{GROUP_OF[alert.name]}.yaml"],
                "tests": unit_tests(alert, kind),
            }
            # What a server promises is recorded before it is compared.
            content["group_eval_order"] = ["slo-demo-digits", GROUP_OF[alert.name]]
            # Objectives look back for hours, and their alerts need not hold.
            content["evaluation_interval"] = "5m" if "slo:" in alert.expression else "1m"
            files.append(promtool.write(folder / f"{alert.name}-{kind}.yaml", content))
    return promtool.test_rules(files)


def unit_tests(alert: Alert, kind: str) -> list[dict[str, Any]]:
    cases = CASES[GROUP_OF[alert.name]][alert.name][kind]
    return [unit_test(alert, case, expected(alert, case) if kind == "fires" else []) for case in cases]


@pytest.mark.proves("monitoring", "every alert fires when it should and only then")
@promtool.needed
@pytest.mark.parametrize("kind", ["fires", "silent"])
@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_alert(alert: Alert, kind: str, verdicts: dict[str, str]) -> None:
    assert verdicts[f"{alert.name}-{kind}"] == ""


@promtool.needed
def test_a_case_that_is_wrong_is_found(tmp_path: Path) -> None:
    """The harness itself can fail: an alert that fires is not silent, and has just these labels."""
    promtool.write(tmp_path / "rules.yaml", rules())
    alert = next(alert for alert in ALERTS if alert.name == "TargetDown")
    case = CASES["monitoring"]["TargetDown"]["fires"][0]
    wrong = {"silent": [], "other-labels": expected(alert, {**case, "labels": {"job": "other"}})}
    files = [
        promtool.write(
            tmp_path / f"{name}.yaml", {"rule_files": ["rules.yaml"], "tests": [unit_test(alert, case, alerts)]}
        )
        for name, alerts in wrong.items()
    ]
    verdicts = promtool.test_rules(files)
    assert set(verdicts) == set(wrong)
    assert all("TargetDown" in verdict for verdict in verdicts.values())


def test_a_summary_takes_only_labels_that_the_alert_has() -> None:
    for alert in ALERTS:
        for case in CASES[GROUP_OF[alert.name]][alert.name]["fires"]:
            assert alert.summary_labels() <= case["labels"].keys(), alert.name
        assert "{{" not in re.sub(r"\{\{ \$labels\.[a-zA-Z_]+ \}\}", "", alert.summary), alert.name
        assert alert.summary.endswith("."), alert.name


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    entries = re.findall(r"^### (\w+)$", RUNBOOKS, re.MULTILINE)
    assert entries == [alert.name for alert in ALERTS]
    assert all(alert.runbook("runbooks.md") == f"runbooks.md#{alert.name.lower()}" for alert in ALERTS)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_a_runbook_says_what_it_means_and_what_to_do(alert: Alert) -> None:
    entry = re.split(r"^##+ ", RUNBOOKS.split(f"### {alert.name}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    assert alert.severity in entry
    for part in ("Means:", "Look at:", "Do:"):
        assert f"**{part}**" in entry, part
