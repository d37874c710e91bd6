"""`make preview` on a real API server: the policy pack judges, and Pulumi's events become a record that can be read."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.stack import policy_options
from ops.preview.reading import read
from tests.embedded import EmbeddedCluster

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]


def without_quota(environment: Any) -> None:
    for team in environment["teams"]:
        del team["quota"]


@pytest.mark.proves("reviews", "policies judge every preview")
def test_the_policies_pass(embedded: EmbeddedCluster) -> None:
    shown = embedded.run("preview", *policy_options("test")).stdout
    assert "ml-platform@v" in shown
    assert "[mandatory]" not in shown


@pytest.mark.proves("reviews", "policies judge every preview")
def test_a_stack_that_breaks_a_rule_is_refused(embedded: EmbeddedCluster) -> None:
    with embedded.changed_config(without_quota):
        done = embedded.run("preview", *policy_options("test"), ok=False)
    assert done.returncode != 0
    assert "namespace-has-quota" in done.stdout


def test_one_run_shows_the_preview_and_records_it(embedded: EmbeddedCluster, tmp_path: Path) -> None:
    """What the bill of a stack on AWS is made of: the CLI's own events, in the file that it is told."""
    record = tmp_path / "record.json"
    record.touch(mode=0o600)
    command = embedded.pulumi.command("preview", "--stack", "test", *policy_options("test"), "--event-log", str(record))
    done = subprocess.run(
        command,
        env={**embedded.pulumi.environment(), "PULUMI_DEBUG_COMMANDS": "true"},
        check=True,
        capture_output=True,
        text=True,
    )
    assert "Resources:" in done.stdout
    assert record.stat().st_mode & 0o777 == 0o600
    preview = read(record)
    assert preview.stack == "test"
    assert preview.judged
    assert preview.complete
    assert preview.failure is None
    assert {"kubernetes:apps/v1:Deployment", "kubernetes:batch/v1:Job"} <= {found.type for found in preview.resources}
