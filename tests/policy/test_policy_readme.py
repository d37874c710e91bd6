"""The table of rules in the readme is the one that the rules make."""

import pytest

from policy.readme import README, rendered


def test_readme_is_current() -> None:
    text = README.read_text()
    assert rendered(text) == text, "run: python -m policy.readme"


def test_a_readme_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match=r"README\.md: the marks"):
        rendered("# Policy pack\n")
