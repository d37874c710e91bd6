"""The comment: what it says, and what it never says."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from ops.comment.__main__ import main
from ops.comment.examples import PAGE, rendered
from ops.comment.markdown import REDACTED, code, escape, redact, table
from ops.comment.page import LIMIT, MARKER, render
from ops.preview.reading import read_all
from ops.preview.record import Change, Diagnostic, Preview, Resource, State, Violation

PREVIEWS = Path(__file__).parent / "previews"
GOLDEN = {path.stem: [PREVIEWS / f"{name}.json" for name in path.stem.split("+")] for path in PREVIEWS.glob("*.md")}
GOLDEN.pop("README")


def resource(kind: str, change: Change, name: str = "x", **keys: bool) -> Resource:
    state = State(inputs={}, **keys)
    return Resource(
        urn=f"urn:pulumi:prod::ml-platform::{kind}::{name}",
        change=change,
        before=None if change == "create" else state,
        after=None if change == "delete" else state,
    )


def comment(*resources: Resource, **keys: object) -> str:
    return render([Preview(stack="prod", resources=resources, **keys)])  # type: ignore[arg-type]


@pytest.mark.proves("reviews", "a preview becomes a comment on the pull request")
@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_comment_is_the_recorded_one(name: str) -> None:
    """After a wanted change: python -m ops.comment tests/unit/ops/previews/x.json > tests/unit/ops/previews/x.md"""
    result = CliRunner().invoke(main, [str(path) for path in GOLDEN[name]])
    assert result.exit_code == 0
    assert result.output == (PREVIEWS / f"{name}.md").read_text()


def test_canaries_of_the_recorded_preview_stay_in_it() -> None:
    recorded = (PREVIEWS / "prod.json").read_text()
    text = (PREVIEWS / "prod.md").read_text()
    assert "plain-canary-value" in recorded
    for form in ("plain-canary-value", base64.b64encode(b"plain-canary-value").decode(), "ciphertext"):
        assert form not in text


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (resource("aws:s3/bucket:Bucket", "delete"), "prod` destroys `Bucket x`: **its data is lost**"),
        (resource("aws:s3/bucket:Bucket", "delete", protect=True), "`Bucket x`: **protected: the update will fail**"),
        (resource("aws:s3/bucket:Bucket", "delete", retain=True), "`Bucket x`: **kept, no longer managed by Pulumi**"),
        (resource("aws:rds/instance:Instance", "replace"), "**its data is lost; the new one starts empty**"),
        (resource("kubernetes:core/v1:PersistentVolumeClaim", "replace"), "`PersistentVolumeClaim x`: **its data"),
        (resource("aws:eks/cluster:Cluster", "replace"), "`Cluster x`: **everything that runs on it stops**"),
    ],
)
def test_what_loses_data_or_the_ground_comes_first(found: Resource, said: str) -> None:
    text = comment(found)
    first, _, rest = text.partition("<details>")
    assert "### Look at this first" in first
    assert said in first
    assert rest


@pytest.mark.parametrize(
    "found", [resource("kubernetes:batch/v1:Job", "delete"), resource("kubernetes:core/v1:Service", "replace")]
)
def test_what_can_be_made_again_is_no_alarm(found: Resource) -> None:
    text = comment(found)
    assert "Look at this first" not in text
    assert "**1**" in text


def test_components_and_providers_are_no_changes() -> None:
    text = comment(resource("mlplatform:tenancy:Team", "create"), resource("pulumi:providers:aws", "update"))
    assert "| `prod` | no change | 0 | 0 | 0 | 0 | did not run | – |" in text


def test_a_policy_that_did_not_run_is_not_one_that_passed() -> None:
    assert "| did not run |" in comment(resource("kubernetes:batch/v1:Job", "create"))
    assert "| passed |" in comment(resource("kubernetes:batch/v1:Job", "create"), judged=True)


HOSTILE = "x`|\n</details><script>alert(1)</script> @everyone #1 [a](javascript:b) ![](http://e) **b** <!-- c -->"


def test_names_and_messages_of_others_stay_text() -> None:
    violation = Violation(policy=HOSTILE, mandatory=True, urn="", message=HOSTILE)
    warning = Diagnostic(severity="warning", message=HOSTILE)
    bad = resource("kubernetes:apps/v1:Deployment", "update", HOSTILE)
    text = comment(bad, violations=(violation,), diagnostics=(warning,), judged=True, failure=HOSTILE)
    outside_code = re.sub(r"`[^`]*`", "", text).replace(MARKER, "")
    for mark in ("<script", "@everyone", "#1 ", "](", "<!--"):
        assert mark not in outside_code
    assert outside_code.count("</details>") == outside_code.count("<details>")


@given(st.text())
def test_any_text_is_one_line_without_markup(text: str) -> None:
    for made in (escape(text), code(text)):
        assert "\n" not in made
        assert "\r" not in made
    assert not set(escape(text)) & set("<>`|[]*@\\")
    assert set(code(text)[1:-1]).isdisjoint("`|")


@pytest.mark.parametrize(
    "secret",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-def",
        "password=hunter2",
        "postgres://app:hunter2@db",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_what_looks_like_a_secret_is_taken_out(secret: str) -> None:
    made = redact(f"cannot use {secret} there")
    assert REDACTED in made
    assert "hunter2" not in made
    assert "MIIE" not in made
    assert secret not in made


def test_a_comment_of_any_size_fits() -> None:
    many = tuple(resource("aws:s3/bucket:Bucket", "delete", f"bucket-{number}" * 9) for number in range(1_000))
    violations = tuple(Violation(policy="p", mandatory=True, urn="", message=f"{n} " + "w" * 300) for n in range(300))
    previews = [Preview(stack=f"stack-{n}", resources=many, violations=violations, judged=True) for n in range(3)]
    text = render(previews)
    assert len(text) <= LIMIT
    assert "… and" in text
    assert text.count("<details>") == text.count("</details>")
    for limit in (500, 2_000, 10_000):
        assert len(render(previews, limit)) <= limit


def test_numbers_are_to_the_right() -> None:
    assert table(("a", "b"), [["x", "1"]], numbers=(1,)) == ["| a | b |", "| --- | ---: |", "| x | 1 |"]


def test_a_file_that_is_no_preview_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("nonsense")
    result = CliRunner().invoke(main, [str(path)])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"comment: {path}: is no recorded preview")
    assert result.stdout == ""


def test_stacks_are_told_apart() -> None:
    text = render(read_all([PREVIEWS / "dev.json", PREVIEWS / "prod.json"]))
    assert text.index("| `dev` |") < text.index("| `prod` |")
    assert text.startswith(MARKER)


def test_examples_in_the_documentation_are_current() -> None:
    page = PAGE.read_text()
    assert page.count("\n> | `") == 2
    assert rendered(page) == page, "run: python -m ops.comment.examples"
