"""The table of rules in README.md, made from the rules: `python -m policy.readme` writes it anew."""

from __future__ import annotations

from pathlib import Path

from policy.rules import RULES
from policy.rules.model import ResourceRule, StackRule

README = Path(__file__).parent / "README.md"
BEGIN, END = "<!-- rules: begin -->", "<!-- rules: end -->"


def row(rule: ResourceRule | StackRule) -> str:
    keys = ", ".join(f"`{key}`" for key in rule.settings) or "–"
    level = f"{rule.level.value}: {rule.reason}"
    cells = (f"`{rule.name}`", rule.description, level, rule.remedy, keys)
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def table() -> str:
    head = "| rule | what must hold | level, and why | remedy | configuration |\n|---|---|---|---|---|"
    return "\n".join([head, *(row(rule) for rule in RULES)])


def rendered(text: str) -> str:
    """A readme with the present table between its marks. Raises ValueError when a mark is missing."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{README.name}: the marks {BEGIN} and {END} must both be there")
    return f"{before}{begin}\n{table()}\n{end}{after}"


if __name__ == "__main__":
    README.write_text(rendered(README.read_text()))
